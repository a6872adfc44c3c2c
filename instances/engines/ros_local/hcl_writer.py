"""Writes a Terraform configuration as HCL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from instances.engines.ros_local.expressions import quoted

# A block by its names: each is the text of an attribute, a block, or blocks of one name.
Content: TypeAlias = "str | Block | Sequence[Block]"
Block: TypeAlias = Mapping[str, Content]


@dataclass
class Configuration:
    """The blocks of a configuration by their names. All resources are terraform_data."""

    variables: dict[str, Block] = field(default_factory=dict)
    locals: dict[str, str] = field(default_factory=dict)
    modules: dict[str, Block] = field(default_factory=dict)
    resources: dict[str, Block] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)

    @property
    def text(self) -> str:
        lines: list[str] = []
        if self.locals:
            lines += _lines("locals", self.locals)
        for header, blocks in (
            ("variable", self.variables),
            ("module", self.modules),
            ('resource "terraform_data"', self.resources),
            ("output", self.outputs),
        ):
            for name, block in blocks.items():
                lines += _lines(f"{header} {quoted(name)}", block)
        return "\n".join(lines) + "\n"


def _lines(header: str, block: Block) -> Iterator[str]:
    yield f"{header} {{"
    for name, content in block.items():
        if isinstance(content, str):
            yield f"{name} = {content}"
        elif isinstance(content, Mapping):
            yield from _lines(name, content)
        else:
            for each in content:
                yield from _lines(name, each)
    yield "}"
