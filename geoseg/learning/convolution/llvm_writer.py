"""Write a function in LLVM's language: arithmetic on numbers and vectors, and loops.

Text of no processor in particular; `object_code` makes it fit one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

INT, NUMBER = ir.IntType(64), ir.FloatType()
ADDRESS = NUMBER.as_pointer()
Value = ir.Value


class Writer:
    """A function that is being written; it returns nothing, and is known in its module only."""

    def __init__(
        self, module: ir.Module, name: str, vector: ir.VectorType, addresses: str, integers: str
    ) -> None:
        """Begin a function.

        Args:
            module: that it becomes part of.
            name: of the function.
            vector: what is computed with, float32 numbers.
            addresses: names of the first arguments, addresses of float32.
            integers: names of the others, int64.
        """
        kinds = [ADDRESS] * len(addresses.split()) + [INT] * len(integers.split())
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        self.function.linkage = "internal"
        names = addresses.split() + integers.split()
        self.arguments: dict[str, Value] = dict(zip(names, self.function.args))
        self.build = ir.IRBuilder(self.function.append_basic_block())
        self.vector, self.module = vector, module

    def __getitem__(self, names: str) -> Sequence[Value]:
        """Give the arguments of some names."""
        return [self.arguments[name] for name in names.split()]

    @contextmanager
    def loop(self, start: Value | int, stop: Value | int, step: int = 1) -> Iterator[Value]:
        """Count from start to before stop."""
        start, stop = _integer(start), _integer(stop)
        before = self.build.block
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        self.build.branch(head)
        self.build.position_at_end(head)
        i = self.build.phi(INT)
        i.add_incoming(start, before)
        self.build.cbranch(self.build.icmp_signed("<", i, stop), body, after)
        self.build.position_at_end(body)
        yield i
        i.add_incoming(self.build.add(i, INT(step)), self.build.block)
        self.build.branch(head)
        self.build.position_at_end(after)

    def fold(
        self, start: Value | int, stop: Value | int, values: Sequence[Value],
        step: Callable[[Value, list[Value]], Sequence[Value]],
    ) -> list[Value]:
        """Count from start to before stop; a step makes new values of a count and the old ones."""
        before = self.build.block
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        self.build.branch(head)
        self.build.position_at_end(head)
        i, *kept = [self.build.phi(one.type) for one in (INT(0), *values)]
        self.build.cbranch(self.build.icmp_signed("<", i, _integer(stop)), body, after)
        self.build.position_at_end(body)
        made = [self.build.add(i, INT(1)), *step(i, kept)]
        for phi, old, new in zip((i, *kept), (_integer(start), *values), made, strict=True):
            phi.add_incoming(old, before)
            phi.add_incoming(new, self.build.block)
        self.build.branch(head)
        self.build.position_at_end(after)
        return kept

    def times(self, *factors: Value | int) -> Value:
        """Multiply integers."""
        product = _integer(factors[0])
        for one in factors[1:]:
            product = self.build.mul(product, _integer(one))
        return product

    def at(self, address: Value, *offsets: Value | int) -> Value:
        """Move an address by so many numbers."""
        for one in offsets:
            address = self.build.gep(address, [_integer(one)])
        return address

    def least(self, one: Value, other: Value) -> Value:
        """Give the smaller of two integers."""
        return self.build.select(self.build.icmp_signed("<", one, other), one, other)

    def load(self, address: Value) -> Value:
        """Read a vector."""
        found = self.build.load(self.build.bitcast(address, self.vector.as_pointer()))
        found.align = 4
        return found

    def store(self, value: Value, address: Value) -> None:
        """Write a vector."""
        self.build.store(value, self.build.bitcast(address, self.vector.as_pointer())).align = 4

    def spread(self, value: Value | float) -> Value:
        """Give a vector of one number."""
        lanes = self.vector.count
        if not isinstance(value, Value):
            return ir.Constant(self.vector, [float(value)] * lanes)
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        return self.build.shuffle_vector(
            self.build.insert_element(nothing, value, INT(0)), nothing, first
        )

    def plus_times(self, factor: Value | float, value: Value, term: Value) -> Value:
        """Give factor * value + term, rounded once."""
        factor = factor if isinstance(factor, Value) else self.spread(factor)
        name = f"llvm.fma.v{self.vector.count}f32"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        fma = self.module.globals.get(name) or ir.Function(self.module, kind, name)
        return self.build.call(fma, [factor, value, term])

    def relu(self, value: Value) -> Value:
        """Give the numbers of a vector where they are above 0, and 0 elsewhere."""
        nothing = self.spread(0)
        return self.build.select(self.build.fcmp_ordered(">", value, nothing), value, nothing)


def _integer(value: Value | int) -> Value:
    return value if isinstance(value, Value) else INT(value)
