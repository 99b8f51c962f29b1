"""What the pixels of a kernel are computed with: powers and random numbers, many at a time.

Each is arithmetic without a branch or a table, which a compiler turns into vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geoseg.kernels.compiled import helper, instruction

f4, i4, u4 = np.float32, np.int32, np.uint32
"""In a kernel a plain number would make all it meets of 64 bits."""
MANTISSA_BITS = 23
"""Of a float32; the exponent's stand above them."""
MANTISSA = (1 << MANTISSA_BITS) - 1
ONE = 127 << MANTISSA_BITS
"""The bits of 1.0."""
LOWEST, HIGHEST = -126, 127
"""Exponents of two that float32 holds."""
BYTES_DEVIATION = (4 * (256**2 - 1) / 12) ** 0.5
"""Standard deviation of the sum of four random bytes."""
BYTES_MEAN = 4 * 255 / 2


@instruction
def bits_of(context, number):
    """Give the bits of a float32 as an int32."""
    from llvmlite import ir
    from numba.core import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


@instruction
def number_of(context, bits):
    """Give the float32 of an int32's bits."""
    from llvmlite import ir
    from numba.core import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


@helper
def log2(x):
    """Give the logarithm of a positive float32, to 2e-6; of 0 it gives -127.

    Chebyshev's polynomial of log2(1 + m) / m, fitted on 0 <= m < 1.
    """
    bits = bits_of(x)
    exponent = f4(i4(bits >> MANTISSA_BITS) - i4(127))
    m = number_of(i4((bits & MANTISSA) | ONE)) - f4(1)
    mm = m * m
    low = f4(1.4426933) + m * f4(-0.72116273) + mm * (f4(0.47770593) + m * f4(-0.33924777))
    high = f4(0.21558853) + m * f4(-0.096066249) + mm * f4(0.020490346)
    return exponent + m * (low + mm * mm * high)


@helper
def exp2(t):
    """Give 2 to the power of a float32, to 1e-6 of it; beyond what float32 holds, the last such.

    Chebyshev's polynomial of (2^f - 1) / f, fitted on 0 <= f < 1.
    """
    t = min(max(t, f4(LOWEST)), f4(HIGHEST))
    whole = i4(i4(t - f4(LOWEST)) + i4(LOWEST))
    f = t - f4(whole)
    ff = f * f
    low = f4(0.69314758) + f * f4(0.24020687)
    high = f4(0.055658664) + f * f4(0.0091968021) + ff * f4(0.0017896650)
    p = f4(1) + f * (low + ff * high)
    return number_of(i4((whole << MANTISSA_BITS) + ONE)) * p


@helper
def normal(number):
    """Give a random number for each uint32: nearly normal, of mean 0 and deviation 1.

    It is the sum of four bytes: never beyond 3.5. The bytes are the number's, mixed (Appleby,
    MurmurHash3, 2011, fmix32), so that neighbours have nothing in common.
    """
    h = u4(number)
    h = u4(h ^ u4(h >> u4(16)))
    h = u4(h * u4(0x85EBCA6B))
    h = u4(h ^ u4(h >> u4(13)))
    h = u4(h * u4(0xC2B2AE35))
    h = u4(h ^ u4(h >> u4(16)))
    pairs = u4(u4(h & u4(0x00FF00FF)) + u4(u4(h >> u4(8)) & u4(0x00FF00FF)))
    total = i4(u4(pairs & u4(0xFFFF)) + u4(pairs >> u4(16)))
    return (f4(total) - f4(BYTES_MEAN)) * f4(1 / BYTES_DEVIATION)
