#!/usr/bin/env python3
"""The data path beside Pillow and torchvision, per CPU second, in one interleaved run on the same 200 JPEGs.

Needs Debian's python3-pil and python3-numpy; with python3-torchvision the geometry is torchvision's own, without it the same calls of Pillow are made directly.

    dotnet build -c Release SemAim.App
    /usr/bin/python3 tests/SemAim.Benchmarks/pillow.py [--rounds 5] [--seconds 2] [--data FOLDER]

Pillow's side ends at the picture (no ToTensor, no Normalize); SemAim's ends at the uint8 planes of the batch. FOLDER has train/CLASS/*.jpg; without it
bench-data draws the pictures.
"""
import argparse
import io
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import PIL
from PIL import Image, ImageEnhance, ImageOps

try:
    import torchvision.transforms as tv
    from torchvision.transforms import InterpolationMode
except ImportError:
    tv = None

HERE = os.path.dirname(os.path.abspath(__file__))
SEMAIM = os.path.join(HERE, "..", "..", "SemAim.App", "bin", "Release", "net10.0", "semaim.dll")
FILL = (124, 116, 104)
WANTED = {"pretrain": 3.0, "finetune": 2.5, "eval": 4.0}


def random_resized_crop(smallest):
    if tv:
        return tv.RandomResizedCrop(224, scale=(smallest, 1), interpolation=InterpolationMode.BICUBIC)

    def apply(image):
        width, height = image.size
        for _ in range(10):
            area = random.uniform(smallest, 1) * width * height
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                x, y = random.randint(0, width - w), random.randint(0, height - h)
                return image.crop((x, y, x + w, y + h)).resize((224, 224), Image.BICUBIC)
        return image.resize((224, 224), Image.BICUBIC)

    return apply


def resize_center_crop(image):
    width, height = image.size
    w, h = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    x, y = round((w - 224) / 2), round((h - 224) / 2)
    return image.resize((w, h), Image.BICUBIC).crop((x, y, x + 224, y + 224))


def solarize_add(image, add):
    table = [min(255, i + add) if i < 128 else i for i in range(256)]
    return image.point(table * 3)


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, resample=Image.BICUBIC, fillcolor=FILL)


# the increasing set at magnitude m, with a random sign s
OPERATIONS = [
    lambda i, m, s: ImageOps.autocontrast(i),
    lambda i, m, s: ImageOps.equalize(i),
    lambda i, m, s: ImageOps.invert(i),
    lambda i, m, s: i.rotate(s * 3 * m, resample=Image.BICUBIC, fillcolor=FILL),
    lambda i, m, s: ImageOps.posterize(i, max(1, 4 - int(0.4 * m))),
    lambda i, m, s: ImageOps.solarize(i, 256 - int(25.6 * m)),
    lambda i, m, s: solarize_add(i, int(11 * m)),
    lambda i, m, s: ImageEnhance.Color(i).enhance(1 + s * 0.09 * m),
    lambda i, m, s: ImageEnhance.Contrast(i).enhance(1 + s * 0.09 * m),
    lambda i, m, s: ImageEnhance.Brightness(i).enhance(1 + s * 0.09 * m),
    lambda i, m, s: ImageEnhance.Sharpness(i).enhance(1 + s * 0.09 * m),
    lambda i, m, s: affine(i, (1, s * 0.03 * m, 0, 0, 1, 0)),
    lambda i, m, s: affine(i, (1, 0, 0, s * 0.03 * m, 1, 0)),
    lambda i, m, s: affine(i, (1, 0, s * 0.045 * m * i.size[0], 0, 1, 0)),
    lambda i, m, s: affine(i, (1, 0, 0, 0, 1, s * 0.045 * m * i.size[1])),
]


def rand_augment(image):
    for operation in random.choices(OPERATIONS, k=2):
        if random.random() < 0.5:
            magnitude = min(10, max(0, random.gauss(9, 0.5)))
            image = operation(image, magnitude, random.choice((-1, 1)))
    return image


def flipped(image):
    return image.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


PRETRAIN, FINETUNE = random_resized_crop(0.2), random_resized_crop(0.08)
PATHS = {
    "pretrain": lambda image: flipped(PRETRAIN(image)),
    "finetune": lambda image: rand_augment(flipped(FINETUNE(image))),
    "eval": resize_center_crop,
}


def pillow(files, path, seconds):
    done, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        with open(files[done % len(files)], "rb") as file:
            image = Image.open(io.BytesIO(file.read())).convert("RGB")
        PATHS[path](image).load()
        done += 1
    return done / (time.process_time() - cpu)


def semaim(folder, seconds):
    run = subprocess.run(["dotnet", SEMAIM, "bench-data", "--data_path", folder, "--num_workers", "1", "--seconds", str(seconds), "--json"], capture_output=True, text=True, check=True)
    result = json.loads(run.stdout.strip().splitlines()[-1])
    return {d: {p: v["images_per_cpu_second"] for p, v in r["paths"].items()} for d, r in result["by_decoder"].items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--data", default="")
    options = parser.parse_args()
    random.seed(1)
    if tv:
        import torch
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        folder = options.data or made
        if not options.data:
            subprocess.run(["dotnet", SEMAIM, "bench-data", "--write_jpegs", made, "--seconds", "0.1"], capture_output=True, check=True)
        files = sorted(os.path.join(d, f) for d, _, fs in os.walk(os.path.join(folder, "train")) for f in fs)
        size = sum(os.path.getsize(f) for f in files) / len(files)
        print(f"{len(files)} JPEGs, mean {size / 1000:.0f} kB; Pillow {PIL.__version__}{', torchvision geometry' if tv else ''}; {os.cpu_count()} cores; one thread a side; images per CPU second, median of {options.rounds} interleaved rounds")
        sides = {"pillow": {p: [] for p in PATHS}}
        for _ in range(options.rounds):
            for path in PATHS:
                sides["pillow"][path].append(pillow(files, path, options.seconds))
            for decoder, rates in semaim(folder, options.seconds).items():
                for path, rate in rates.items():
                    sides.setdefault(decoder, {p: [] for p in PATHS})[path].append(rate)
        medians = {side: {p: statistics.median(r) for p, r in paths.items()} for side, paths in sides.items()}
        print(f"{'':10}" + "".join(f"{side:>16}" for side in medians) + "".join(f"{'× (' + side + ')':>20}" for side in medians if side != "pillow") + f"{'wanted':>9}")
        for path in PATHS:
            ratios = [medians[s][path] / medians["pillow"][path] for s in medians if s != "pillow"]
            print(f"{path:10}" + "".join(f"{medians[s][path]:16.0f}" for s in medians) + "".join(f"{r:20.2f}" for r in ratios) + f"{WANTED[path]:9.1f}")


if __name__ == "__main__":
    sys.exit(main())
