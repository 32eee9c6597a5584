"""What a shopping guide holds, and who words its message."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from basketgraph.foundation.config import Settings

Days = Annotated[int, Field(ge=0)]


class GuideSettings(Settings):
    """Section `guide` of conf/settings.yaml. endpoint: the base address of an OpenAI-compatible service, as http://host/v1; None for templates.

    endpoint_in_batch: whether it also words the messages of contacts where guides are made for everybody.
    """

    items: PositiveInt
    companions: Days
    just_bought_days: Days
    after_purchase_days: Days
    endpoint: str | None
    model: str | None
    endpoint_in_batch: bool
    timeout_seconds: PositiveFloat

    @model_validator(mode="after")
    def _names_a_model(self) -> GuideSettings:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint: want an address that begins with http:// or https://")
        if self.endpoint is not None and not self.model:
            raise ValueError("model: want the name of the endpoint's model, have none")
        if self.endpoint_in_batch and self.endpoint is None:
            raise ValueError("endpoint_in_batch: want an endpoint, have none")
        return self
