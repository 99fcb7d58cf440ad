"""What steps 2 to 4 have beside their form: three real entries, and the fields to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from console import fields, sampling
from console.drafting import Draft
from console.fields import Option
from console.sampling import Sampled
from console.web.acting import context_of
from worker.context import Context
from worker.errors import HourstreamError
from worker.salesforce.errors import MappingBroken

NO_ORG = "Salesforce cannot be asked"


async def reached(request: web.Request) -> tuple[Context | None, str]:
    """A hold on both services; or why there is none, in words that end a sentence."""
    try:
        ctx = await context_of(request)
        await ctx.org()
    except (HourstreamError, TimeoutError) as error:
        return None, str(error) or "It took too long."
    return ctx, ""


async def beside(ctx: Context | None, draft: Draft) -> Mapping[str, Any]:
    """For a template: `samples`, `options` (the fields of the object), and `trouble` where the org cannot be asked."""
    sobject = draft.value("source", "sobject")
    samples: Sequence[Sampled] = ()
    options: Sequence[Option] = ()
    trouble = ""
    if ctx is not None and sobject:
        try:
            options = await fields.options(ctx, sobject)
            samples = await sampling.sampled(ctx, draft)
        except MappingBroken as error:
            trouble = str(error)
        except (HourstreamError, TimeoutError) as error:
            trouble = f"{NO_ORG}: {error}"
    return {"samples": samples, "options": options, "trouble": trouble, "kinds": fields.KINDS}
