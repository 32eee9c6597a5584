"""A guide's message in the words of an OpenAI-compatible endpoint, where settings name one; by template wherever that fails or invents something."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

from basketgraph.offers.guide import Guide
from basketgraph.offers.guide_message import ENDPOINT, LONGEST_BODY, LONGEST_SUBJECT, Message, invented, template_message, undated
from basketgraph.offers.guide_settings import GuideSettings

KEY_VARIABLE = "BASKETGRAPH_WORDING_KEY"
TRIES = 2
MOST_BYTES = 1 << 16  # of an answer
TASK = (
    "You word a shop's message to a customer. You get products with their price and the reason why they are shown. Answer with one JSON object "
    f'{{"subject": "...", "body": "..."}}: a subject of at most {LONGEST_SUBJECT} letters, a body of at most {LONGEST_BODY}. Name products only '
    "by the exact names given, prices only as given and after their product. Promise nothing and mention no other product, number or date."
)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """What leaves goes to the address that settings name, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def worded_message(guide: Guide, settings: GuideSettings, environment: Mapping[str, str]) -> Message:
    """The message of a guide. Only names, prices and reasons without dates leave; the answer is held against them, and else the template counts.

    guide:       with its texts masked.
    environment: BASKETGRAPH_WORDING_KEY is sent as the bearer token, where it is set.
    """
    template = template_message(guide)
    if settings.endpoint is None or not guide.items:
        return template
    request, why = asked(guide, settings, environment), ""
    for _ in range(TRIES):
        try:
            subject, body = _answer(request, settings.timeout_seconds)
        except (OSError, URLError, http.client.HTTPException, ValueError, KeyError, IndexError, TypeError) as error:
            why = f"no answer that can be used: {type(error).__name__}"
            continue
        fault = invented(subject, body, guide.items)
        return Message(subject, body, ENDPOINT) if fault is None else Message(template.subject, template.body, fallback=fault)
    return Message(template.subject, template.body, fallback=why)


def asked(guide: Guide, settings: GuideSettings, environment: Mapping[str, str]) -> urllib.request.Request:
    """The request: a chat completion of the products of the guide."""
    products = [{"name": item.name, "price": item.price.words if item.price else None, "reason": undated(item.reason)} for item in guide.items]
    told = [{"role": "system", "content": TASK}, {"role": "user", "content": json.dumps({"products": products}, ensure_ascii=False)}]
    content = {"model": settings.model, "temperature": 0, "messages": told}
    key = environment.get(KEY_VARIABLE, "").strip()
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    address = f"{(settings.endpoint or '').rstrip('/')}/chat/completions"
    return urllib.request.Request(address, data=json.dumps(content).encode(), headers=headers, method="POST")


def _answer(request: urllib.request.Request, seconds: float) -> tuple[str, str]:
    """(subject, body). Raises OSError and ValueError (and of an answer of another form KeyError, IndexError, TypeError)."""
    with urllib.request.build_opener(NoRedirects).open(request, timeout=seconds) as response:
        answer = json.loads(response.read(MOST_BYTES))
    message = json.loads(answer["choices"][0]["message"]["content"])
    subject, body = message["subject"], message["body"]
    if not isinstance(subject, str) or not isinstance(body, str):
        raise TypeError("want texts")
    return subject, body
