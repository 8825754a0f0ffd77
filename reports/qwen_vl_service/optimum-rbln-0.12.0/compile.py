# Compile Qwen/Qwen3-VL-2B-Instruct for optimum-rbln==0.12.0.
# Covers optimum-rbln 0.12.0, with transformers 5.15.1.
# Run: python compile.py [FOLDER]
#
# max_seq_len counts ViT patches. Each bucket and what it serves:
#   ViT patches  merged patches  largest square image  share of runs
#           400             100          320 x 320 px         25.5 %
#         1,728             432          640 x 640 px         24.6 %
#         3,364             841          928 x 928 px         14.0 %
#         5,120           1,280      1,120 x 1,120 px         35.8 %
#
# ================================================================================
# ASSUMED, NOT MEASURED - check before you compile:
#   visual.num_devices = 8
#   num_devices = 8
#   kvcache_partition_len = 16384
#   max_seq_len = 262144
#   batch_size = 1
#     from RBLN Model Zoo, as the class's own example in optimum-rbln 0.12.0,
#     transformers/models/qwen3_vl/modeling_qwen3_vl.py
#   visual.create_runtimes = false
#   create_runtimes = false
#     from the Model Zoo compile scripts: nothing runs while compiling
# Replace them with --base rbln_config.json, or with --devices, --max-seq-len,
# --kvcache-partition-len, --npu and --batch-size.
# ================================================================================
# Note: NPU not given. A compile host without an NPU needs its name: set --npu.

import sys
from pathlib import Path

from optimum.rbln import RBLNQwen3VLForConditionalGeneration
from transformers import AutoProcessor

MODEL_ID = 'Qwen/Qwen3-VL-2B-Instruct'
FOLDER = 'compiled-qwen3-vl-2b.optimum-0.12.0'

MIN_PIXELS = 65536
MAX_PIXELS = 1310720
VIDEO_MIN_PIXELS = 4096
VIDEO_MAX_PIXELS = 2621440

RBLN_CONFIG = {
    'visual': {
        'max_seq_len': [400, 1728, 3364, 5120],
        'num_devices': 8,
        'create_runtimes': False,
    },
    'num_devices': 8,
    'kvcache_partition_len': 16384,
    'max_seq_len': 262144,
    'batch_size': 1,
    'create_runtimes': False,
}


def set_limits(processor):
    """Set both pixel limits under every name a transformers release reads."""
    image = processor.image_processor
    image.size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    image.min_pixels = MIN_PIXELS
    image.max_pixels = MAX_PIXELS
    video = processor.video_processor
    video.size = {"shortest_edge": VIDEO_MIN_PIXELS, "longest_edge": VIDEO_MAX_PIXELS}


def main():
    """Compile into the folder given, or into FOLDER."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
    if folder.exists() and any(folder.iterdir()):
        # save_pretrained merges into a folder; old graphs would stay beside the new.
        sys.exit(f"{folder} is not empty; give another folder")
    model = RBLNQwen3VLForConditionalGeneration.from_pretrained(
        MODEL_ID, export=True, rbln_config=RBLN_CONFIG
    )
    model.save_pretrained(folder)
    # After the model: its folder already holds the checkpoint's processor, whose
    # limits let images through that no bucket holds.
    processor = AutoProcessor.from_pretrained(MODEL_ID)
    set_limits(processor)
    processor.save_pretrained(folder)
    saved = AutoProcessor.from_pretrained(folder).image_processor.size
    if (saved["shortest_edge"], saved["longest_edge"]) != (MIN_PIXELS, MAX_PIXELS):
        sys.exit(f"{folder}: the saved processor holds other limits: {saved}")
    print(f"compiled into {folder}")


if __name__ == "__main__":
    main()
