"""How long a recording plays, in seconds, from its container. 0.0 where that is not said."""

from __future__ import annotations

import struct
from collections.abc import Callable

_BITRATES = {  # kbit/s by (MPEG 1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SEARCH = 65_536


def measure(kind: str, data: bytes) -> float:
    reader = _READERS.get(kind)
    if reader is None:
        return 0.0
    try:
        seconds = reader(data)
    except (struct.error, IndexError, ZeroDivisionError):
        return 0.0
    return round(seconds, 3) if 0 < seconds < 10**6 else 0.0


def is_mpeg_frame(data: bytes, at: int) -> bool:
    return _frame(data, at) is not None


def _frame(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """(bit/s, samples/s, samples, offset of a Xing header) of the MPEG audio frame at `at`."""
    header = data[at : at + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, bitrate_index = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or bitrate_index in {0, 15}:
        return None
    first = version == 3
    samples = 384 if layer == 1 else 576 if layer == 3 and not first else 1152
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return _BITRATES[first, layer][bitrate_index] * 1000, _RATES[version][rate_index], samples, at + 4 + side


def _mp3(data: bytes) -> float:
    at = 0
    if data[:3] == b"ID3":
        size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]
        at = 10 + size + (10 if data[5] & 0x10 else 0)
    frame = None
    for start in range(at, min(at + _SEARCH, len(data) - 4)):
        if data[start] == 0xFF and (frame := _frame(data, start)):
            at = start
            break
    if frame is None:
        return 0.0
    bits, rate, samples, xing = frame
    if data[xing : xing + 4] in {b"Xing", b"Info"} and data[xing + 7] & 1:
        return float(int.from_bytes(data[xing + 8 : xing + 12], "big") * samples / rate)
    if data[at + 36 : at + 40] == b"VBRI":
        return float(int.from_bytes(data[at + 50 : at + 54], "big") * samples / rate)
    end = len(data) - (128 if data[-128:-125] == b"TAG" else 0)
    return (end - at) * 8 / bits


def _mp4(data: bytes) -> float:
    at = data.find(b"mvhd")
    if at < 0:
        return 0.0
    if data[at + 4] == 1:
        scale, length = struct.unpack_from(">IQ", data, at + 24)
    else:
        scale, length = struct.unpack_from(">II", data, at + 16)
    return float(length / scale)


def _ogg(data: bytes) -> float:
    last = data.rfind(b"OggS")
    (granule,) = struct.unpack_from("<q", data, last + 6)
    opus = data.find(b"OpusHead", 0, 4096)
    if opus >= 0:
        (skip,) = struct.unpack_from("<H", data, opus + 10)
        return float((granule - skip) / 48_000)
    vorbis = data.find(b"\x01vorbis", 0, 4096)
    if vorbis < 0:
        return 0.0
    (rate,) = struct.unpack_from("<I", data, vorbis + 12)
    return float(granule / rate)


def _wav(data: bytes) -> float:
    at, per_second = 12, 0
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"fmt ":
            (per_second,) = struct.unpack_from("<I", data, at + 16)
        elif data[at : at + 4] == b"data":
            return float(min(size, len(data) - at - 8) / per_second)
        at += 8 + size + (size & 1)
    return 0.0


def _flac(data: bytes) -> float:
    packed = int.from_bytes(data[18:26], "big")
    return float((packed & (1 << 36) - 1) / (packed >> 44))


_READERS: dict[str, Callable[[bytes], float]] = {
    "audio/mpeg": _mp3,
    "audio/mp4": _mp4,
    "video/mp4": _mp4,
    "video/quicktime": _mp4,
    "audio/ogg": _ogg,
    "audio/wav": _wav,
    "audio/flac": _flac,
}
