"""Honest files with bytes changed, and what readers make of them."""

from spml.errors import UserError

TELLING = (0, 1, 0x7F, 0x80, 0xFF, ord("\n"), ord("0"), ord("-"), ord("{"), ord("'"), ord("*"), ord("!"))


def mutate(content, rng):
    """Honest bytes with one to four changes: a cut, a changed, missing, repeated or strange piece, another digit."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1) if rng.random() < 0.7 else rng.randrange(min(len(content), 80) + 1)
        length = rng.choice((1, 1, 1, 2, 4, 16))
        strange = bytes(rng.choice(TELLING) if rng.random() < 0.5 else rng.randrange(256) for _ in range(length))
        digits = bytes(rng.choice(b"0123456789-") if chr(byte).isdigit() else byte for byte in content[place:][:length])
        piece = {
            "change": strange,
            "digits": digits,
            "insert": strange + content[place : place + length],
            "remove": b"",
            "repeat": content[place : place + length] * 2,
        }
        content[place : place + length] = piece[rng.choice(sorted(piece))]
        if rng.random() < 0.15:
            del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


def outcomes(path, read, rng, count):
    """How many changed copies of a file are read, and how many are refused by a UserError of one line."""
    honest, found = path.read_bytes(), {"read": 0, "refused": 0}
    for _ in range(count):
        content = mutate(honest, rng)
        path.write_bytes(content)
        try:
            read(path)
            found["read"] += 1
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) < 2000
            found["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__} for {content[:2000]!r}") from error
    path.write_bytes(honest)
    return found
