# Load what compile.py made of Qwen/Qwen3-VL-2B-Instruct for optimum-rbln==0.12.0.
# Covers optimum-rbln 0.12.0, with transformers 5.15.1.
# What each length serves, and what is assumed: see the top of compile.py.

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
