# Load what compile.py made of Qwen/Qwen3-VL-2B-Instruct for optimum-rbln==0.12.0.
# Covers optimum-rbln 0.12.0, with transformers 5.15.1.
#
# max_seq_len counts ViT patches. Each bucket and what it serves:
#   ViT patches  merged patches  largest square image  share of runs
#         1,040             260          512 x 512 px         55.8 %
#         1,200             300          544 x 544 px         36.7 %
#         1,600             400          640 x 640 px          7.5 %
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

from optimum.rbln import RBLNQwen3VLForConditionalGeneration
from transformers import AutoProcessor

FOLDER = 'compiled-qwen3-vl-2b.optimum-0.12.0'

MIN_PIXELS = 65536
MAX_PIXELS = 409600
VIDEO_MIN_PIXELS = 4096
VIDEO_MAX_PIXELS = 819200

# ASSUMED: devices from 0 up, the ViT sharing the first. Where memory is
# short, give the ViT devices of its own.
DEVICES = {
    'device': [0, 1, 2, 3, 4, 5, 6, 7],
    'visual': {
        'device': [0, 1, 2, 3, 4, 5, 6, 7],
    },
}


def set_limits(processor):
    """Set both pixel limits under every name a transformers release reads."""
    image = processor.image_processor
    image.size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    image.min_pixels = MIN_PIXELS
    image.max_pixels = MAX_PIXELS
    video = processor.video_processor
    video.size = {"shortest_edge": VIDEO_MIN_PIXELS, "longest_edge": VIDEO_MAX_PIXELS}


def load(folder=FOLDER):
    """Return the model, on its devices, and the processor that feeds it."""
    model = RBLNQwen3VLForConditionalGeneration.from_pretrained(
        folder, export=False, rbln_config=DEVICES
    )
    processor = AutoProcessor.from_pretrained(folder)
    set_limits(processor)
    return model, processor


if __name__ == "__main__":
    model, processor = load(*sys.argv[1:2])
    print(model.rbln_config)
