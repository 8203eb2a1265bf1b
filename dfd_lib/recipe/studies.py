"""The parts of a recipe that ask for more than training: leaks, other data, published systems, which detector is served."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from dfd_lib.recipe.settings import NAME, Part


class LeakTax(Part):
    """One model trained twice, on frames at random and on whole groups: what does a leak buy?"""

    model: str = Field("lenet", description="one of the recipe's, or a registered one")
    image_size: int | None = Field(None, ge=8, description="default: as the recipe trains it")
    epochs: int | None = Field(None, ge=1, description="default: as the recipe trains it")
    seeds: list[int] = Field([1], min_length=1, description="the difference is the mean over them")


class Generalise(Part):
    """How the models do on what they were not trained for; nothing unless asked for."""

    conditions: list[str] = Field([], description="corruptions of the test part: `jpeg-40`, `jpeg` for all its strengths, or `all`")
    cross: list[Annotated[str, Field(pattern=NAME)]] = Field([], description="experiments whose test parts and models are exchanged")
    leave_out: list[str] = Field([], description="models that are trained again without each manipulation method: a name, or several")

    @field_validator("leave_out", mode="before")
    @classmethod
    def _one_or_several(cls, came: object) -> object:
        return [came] if isinstance(came, str) else came or []

    def studies(self) -> list[str]:
        """What is asked for: each study leaves a table of its name."""
        return [name for name, one in (("robustness", self.conditions), ("cross", self.cross), ("leave_out", self.leave_out)) if one]


class Detector(Part):
    """Which of the ensembles that fit into a detector's file is served: the best on val, unless conditions are named."""

    conditions: list[str] = Field([], description="corruptions of val that it should bear, such as `jpeg-40`; default: none")
    loss: float = Field(0.05, ge=0, le=1, description="so much AUC on val it may lose under each of them")


class System(Part):
    """A published result, and the models of this recipe that are to reach it; several models are joined by the mean."""

    claim: str = Field(description="which one, by system and model as `dfd claims` lists them: `S0 Meso-4`")
    published: list[str] = Field([], description="models that are trained as it was published")
    own: list[str] = Field([], description="the same architecture, trained as this project does")
    changed: str = Field("", description="what of the published recipe had to be changed, or why it is not trained at all")

    @model_validator(mode="after")
    def _says_why_not(self) -> "System":
        if not self.published and not self.changed:
            raise ValueError("expected models that are trained as it was published, or `changed` to say why there are none; came neither")
        if self.own and len(self.own) != len(self.published):
            raise ValueError("expected as many models of `own` as of `published`, each beside its like; came another number")
        return self
