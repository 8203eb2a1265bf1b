"""What is known of a model without building it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model without building it.

    Attributes:
        name: the name to build it by.
        input_size: side of the input in pixels that its reference uses; the default.
        smallest: the smallest side it can be built for.
        parameters: all parameters at `input_size` with our head, one sigmoid unit.
        trainable: those of them that training changes, by default.
        reference_parameters: all parameters with the reference's own head.
        reference_head: what that head is.
        paper: where the architecture is from.
        licence: the terms of the code, and of what its reference publishes.
        imagenet: the terms of the weights that `weights="imagenet"` starts from; empty where there are none to ask for.
        takes: `frame`, one face (size, size, 3), or `clip`, a sequence of them.
        frames: crops that one answer is given for, by default.
    """

    name: str
    input_size: int
    smallest: int
    parameters: int
    trainable: int
    reference_parameters: int
    reference_head: str
    paper: str
    licence: str
    imagenet: str = ""
    takes: Literal["frame", "clip"] = "frame"
    frames: int = 1
