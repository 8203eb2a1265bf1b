"""The parts of a recipe that say how one model is trained and tuned."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Names of experiments, models and ablations become names of files and words of commands."""


class Part(BaseModel):
    """A part of a recipe: unknown keys are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Augment(Part):
    """Random changes of training crops; 0 or false = off. From `zoom` to `cutout`, each is done to a `share` of them."""

    flip: bool = Field(True, description="every other crop is turned left for right")
    brightness: float = Field(0.1, ge=0, le=1, description="largest shift, as a share of 255")
    contrast: float = Field(0.1, ge=0, lt=1, description="largest relative change")
    zoom: float = Field(0, ge=0, le=0.9, description="largest share of the side that is cut away; what is left is enlarged again")
    colour: float = Field(0, ge=0, le=1, description="largest relative change of saturation and of each channel")
    downscale: float = Field(0, ge=0, le=16, description="shrunk at most so many times, and back")
    blur: float = Field(0, ge=0, le=16, description="largest sigma in pixels of the model's size")
    noise: float = Field(0, ge=0, le=255, description="largest standard deviation in grey levels")
    jpeg: int = Field(0, ge=0, le=100, description="lowest JPEG quality, at the model's size")
    cutout: float = Field(0, ge=0, le=1, description="largest side of a square painted over, as a share of the crop's")
    share: float = Field(0.5, ge=0, le=1, description="of the crops, for each of the seven above by itself")
    mixup: float = Field(0, ge=0, le=8, description="alpha of the Beta distribution that two crops and their labels are mixed by")

    @property
    def degrades(self) -> bool:
        """Whether pixels are changed as they are on their way through the world."""
        return bool(self.share and (self.zoom or self.colour or self.downscale > 1 or self.blur or self.noise or self.jpeg or self.cutout))

    @property
    def changes(self) -> bool:
        """Whether any crop is changed by itself; mixing two is not among it."""
        return bool(self.flip or self.brightness or self.contrast or self.degrades)

    def only_mixed(self) -> "Augment":
        """What is left where no pixels can be changed any more: mixing."""
        return Augment(flip=False, brightness=0, contrast=0, mixup=self.mixup)


class Training(Part):
    """How one model is trained. Each model of a recipe may override any of these."""

    epochs: int = Field(10, ge=1, description="passes over train; the best on val is kept")
    batch_size: int = Field(32, ge=1, description="crops a step; of clips, clips")
    learning_rate: float = Field(1e-3, gt=0, description="of the optimizer, at the start")
    schedule: Literal["constant", "cosine"] = Field("constant", description="of the learning rate; cosine falls to 0 over all epochs")
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field("adam", description="as Keras has it")
    weight_decay: float | None = Field(None, ge=0, description="an L2 penalty on all weights; of adamw its own, apart from the gradient")
    loss: Literal["binary_crossentropy", "categorical_crossentropy", "mean_squared_error"] = Field(
        "binary_crossentropy", description="what training makes small"
    )
    class_weights: bool = Field(True, description="weigh both classes equally")
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation AUC")
    precision: Literal["float32", "mixed_bfloat16"] = Field("float32", description="of the arithmetic; weights stay float32")
    deterministic: bool = Field(False, description="bit-equal reruns on one machine, slower")
    augment: Augment = Augment()
    label_smoothing: float = Field(0, ge=0, lt=1, description="labels are drawn towards .5 by this share of the way")
    averaged: float = Field(0, ge=0, lt=1, description="score and keep running averages of the weights, of this momentum a step; 0 = off")
    self_blended: Literal["no", "beside", "alone"] = Field(
        "no", description="fakes made of real crops; alone = without the data's own fakes"
    )
    frozen_epochs: int = Field(0, ge=0, description="epochs before all others, in which the head of a transfer model learns alone")
    feature_copies: int = Field(4, ge=1, description="a frozen base: versions of each crop whose features are kept, the first unchanged")


class Tune(Part):
    """How a model's hyper-parameters are searched; see `dfd_lib.training.tune`."""

    strategy: Literal["random", "bayesian", "hyperband"] = Field("random", description="KerasTuner's oracle")
    trials: int = Field(20, ge=2, description="how many settings are tried (Hyperband: as many as `epochs` give)")
    only: list[str] | None = Field(None, min_length=1, description="search these settings alone; default: all of the model's space")
    epochs: int | None = Field(None, ge=1, description="epochs a trial may have; default: the model's")
    share: float = Field(1.0, gt=0, le=1, description="share of the groups of train that trials learn from")
    folds: int | None = Field(None, ge=2, description="judge by k-fold over the groups of train and val instead of val alone")
    stop_poor: bool = Field(True, description="stop trials below the median of the finished ones (Hyperband stops by itself)")
    grace: int = Field(1, ge=1, description="epochs that every trial is given before it may be stopped as poor")
    seed: int = Field(1, ge=1, description="of the draws; trial n is trained with this seed + n")


class Teacher(Part):
    """Whose scores a student learns besides the labels (Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network")."""

    table: str = Field("finalists_predictions.parquet", description="a predictions table of the report that has crops of train")
    members: list[str] | None = Field(None, min_length=1, description="its models whose mean teaches; default: all")
    models: list[str] | None = Field(None, min_length=1, description="models of the recipe whose mean teaches instead; they know the crops")
    weight: float = Field(0.7, gt=0, le=1, description="of what the teacher says; the label has the rest")

    @model_validator(mode="after")
    def _one_teacher(self) -> "Teacher":
        if self.models and {"table", "members"} & self.model_fields_set:
            raise ValueError("teacher: expected a table or models, came both. Leave one out.")
        return self


class Model(Training):
    """One line of the experiment's `models`: a registered model and how to train it."""

    model: str = Field(description="its name in the registry; left out, the key is it")
    image_size: int | None = Field(None, ge=8, description="default: the model's own")
    weights: str | None = Field(None, description="`imagenet`, a file, or nothing")
    # excluded from every dump: it changes no training, and no finished one may be done again for it
    weights_licence: str = Field("", exclude=True, description="under which terms these weights are; stands on the detector's card")
    hyper: dict[str, Any] = Field(default_factory=dict, description="the builder's keyword arguments")
    order: Literal["time", "shuffled"] = Field("time", description="of a clip's crops; `shuffled` shows what looking at time is worth")
    soup: list[str] = Field([], description="not trained: the mean of the weights of these models of the recipe, greedily by val")
    teacher: Teacher | None = Field(None, description="learn what other models said of the training crops, too")
    tune: Tune | None = Field(None, description="search better settings first; what `hyper` names stays as it is")

    @property
    def head(self) -> str:
        """One of `dfd_lib.models.heads.HEADS`."""
        return self.hyper.get("head", "sigmoid")

    @property
    def comes_of_others(self) -> bool:
        """Whether it is a student or a soup: other models are trained before it, and labels alone do not make it."""
        return bool(self.teacher or self.soup)

    @property
    def weight_files(self) -> list[str]:
        """The files that it starts from."""
        return [one for one in (self.weights, self.hyper.get("backbone_weights")) if one not in (None, "imagenet")]

    @model_validator(mode="after")
    def _categories_need_two_units(self) -> "Model":
        if self.loss == "categorical_crossentropy" and self.head == "sigmoid":
            raise ValueError("expected two units, `hyper: {head: softmax}`, with the loss categorical_crossentropy; came one")
        return self
