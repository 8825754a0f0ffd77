# Load what compile.py made of Qwen/Qwen3-VL-2B-Instruct for optimum-rbln==0.12.0.
# Covers optimum-rbln 0.12.0, with transformers 5.15.1.
#
# max_seq_len counts ViT patches. Each bucket and what it serves:
#   ViT patches  merged patches  largest square image  share of runs
#         1,800             450          672 x 672 px         51.3 %
#         4,300           1,075      1,024 x 1,024 px         26.8 %
#         9,768           2,442      1,568 x 1,568 px         14.3 %
#        16,384           4,096      2,048 x 2,048 px          7.6 %
#
# decoder_batch_sizes for batch_size 8:
#      3 slots    71.5 % of the steps, 64.7 % of its slots in use
#      8 slots    28.5 % of the steps, 62.4 % of its slots in use
#   graph 2 saves 11.1% of a step with 1; graph 3 would save 2.9% more, but
#   --min-saving asks 5.0%.
#   batch_size 8 is in the list, because every release needs its graph; a list of
#   one other size is not checked, and the compile ends in a KeyError.
#   only vllm-rbln runs the smallest graph that holds the running requests;
#   generate() of optimum-rbln always runs the graph of batch_size for this model.
#   vllm-rbln's --rbln-decode-batch-bucket-strategy and the like are for models that
#   vLLM runs itself: with one of them this model does not start.
#
# ================================================================================
# ASSUMED, NOT MEASURED - check before you compile:
#   visual.num_devices = 8
#   num_devices = 8
#   kvcache_partition_len = 16384
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
MAX_PIXELS = 4194304
VIDEO_MIN_PIXELS = 4096
VIDEO_MAX_PIXELS = 8388608

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
