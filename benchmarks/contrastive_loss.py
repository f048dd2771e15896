"""Speed and memory of the contrastive loss beside the plain formula, in one run, printed as ratios."""

import argparse
import resource
import subprocess
import sys
import time

import torch

from spml.losses.contrastive import Contrast, contrastive_loss


def plain_loss(c, concentration):
    """The formula of the method as it stands: pixels × segments in full."""
    similarity = (concentration * c.anchor @ c.prototype.T).exp()
    positive = c.positive[c.group]
    own = torch.nn.functional.one_hot(c.own, len(c.prototype)).bool()
    a = (similarity * (positive & ~own)).sum(1)
    num = torch.where(a > 0, a, (similarity * own).sum(1))
    return -(num / (num + (similarity * ~positive).sum(1))).log().mean()


def random_contrast(pixels, segments, channels, groups=21, seed=0):
    """Unit vectors with random owners and groups; both take gradients."""
    g = torch.Generator().manual_seed(seed)
    vectors = [torch.nn.functional.normalize(torch.randn(n, channels, generator=g), dim=1) for n in (pixels, segments)]
    label = torch.randint(groups, (segments,), generator=g)
    own = torch.randint(segments, (pixels,), generator=g)
    positive = torch.arange(groups)[:, None] == label
    return Contrast(*(v.requires_grad_() for v in vectors), own, label[own], positive)


def peak_mib():
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind, sizes, repeats):
    """(best seconds, extra peak MiB) of forward and backward."""
    contrast = random_contrast(*sizes)
    loss = {"plain": plain_loss, "ours": contrastive_loss}[kind]
    small = random_contrast(64, 64, sizes[2])
    loss(small, 6).backward()
    before, best = peak_mib(), float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        loss(contrast, 6).backward()
        best = min(best, time.perf_counter() - start)
    return best, peak_mib() - before


def in_process(kind, sizes, repeats):
    """`measure` in a process of its own, so that peaks do not mix."""
    command = [sys.executable, __file__, "--kind", kind, "--sizes", *map(str, sizes), "--repeats", str(repeats)]
    return tuple(map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["plain", "ours"])
    parser.add_argument("--sizes", type=int, nargs=3, default=[16384, 2000, 64], help="pixels, segments, channels")
    parser.add_argument("--large", type=int, nargs=3, default=[65536, 15000, 64], help="run by ours alone")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    if args.kind:
        print(*measure(args.kind, args.sizes, args.repeats))
        return
    plain, ours = (in_process(kind, args.sizes, args.repeats) for kind in ("plain", "ours"))
    print(f"pixels, segments, channels: {args.sizes}; {torch.get_num_threads()} threads")
    print(f"plain: {plain[0]:.3f} s, {plain[1]:.0f} MiB extra; ours: {ours[0]:.3f} s, {ours[1]:.0f} MiB extra")
    print(f"ratio: {plain[0] / ours[0]:.2f} times as fast, {ours[1] / plain[1]:.3f} of the extra memory")
    large = in_process("ours", args.large, 1)
    print(f"{args.large}: {large[0]:.2f} s, {large[1]:.0f} MiB extra")


if __name__ == "__main__":
    main()
