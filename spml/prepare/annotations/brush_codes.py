"""Label Studio's run-length code of brush strokes: RGBA bytes packed bit by bit."""

import numpy as np

from spml.data.images import MAX_PIXELS
from spml.errors import UserError
from spml.prepare.annotations.values import Json


def decode_brush(code: Json, size: tuple[int, int]) -> np.ndarray:
    """The pixels that a brush painted, H×W bool of `size`, where the code's alpha is above 0.

    The code is a list of bytes. Raises UserError, with its place, where they do not fill RGBA of this size exactly.
    """
    values = code.value
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value < 256 for value in values):
        raise code.error("a run-length code, a list of bytes")
    count = 4 * size[0] * size[1]
    if count > 4 * MAX_PIXELS:
        raise UserError(f"{code.where}: is for more than {MAX_PIXELS} pixels, the most that is read")
    pixels = _decode(np.unpackbits(np.array(values, np.uint8)), count)
    if pixels is None:
        raise UserError(f"{code.where}: broken run-length code, it does not fill {size[0]}×{size[1]} pixels of RGBA")
    return pixels.reshape(*size, 4)[..., 3] > 0


def _decode(bits: np.ndarray, count: int) -> np.ndarray | None:
    """`count` bytes of a code, None where it is broken.

    Head: 32 bits the number of words, 5 bits a word's length less one, four times 4 bits the length of a run's
    counter less one. Then, until all words are there: 1 bit whether the word repeats, 2 bits which counter, the
    counter, and one word or so many.
    """
    text = bits.tobytes().translate(bytes([48, 49, *[48] * 254])).decode("ascii")
    if len(text) < 53 or int(text[:32], 2) != count or int(text[32:37], 2) != 7:
        return None
    counters = [int(text[37 + 4 * i : 41 + 4 * i], 2) + 1 for i in range(4)]
    out, done, place = np.empty(count, np.uint8), 0, 53
    while done < count:
        if place + 3 > len(text):
            return None
        repeats, counter = text[place] == "1", counters[int(text[place + 1 : place + 3], 2)]
        start = place + 3 + counter
        run = int(text[place + 3 : start] or "0", 2) + 1
        place = start + 8 * (1 if repeats else run)
        if place > len(text) or done + run > count:
            return None
        words = np.packbits(bits[start:place])
        out[done : done + run] = words[0] if repeats else words
        done += run
    return out
