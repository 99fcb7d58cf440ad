"""Small charts as SVG figures: where each bar stands, worked out here so that templates only draw."""

from collections.abc import Sequence

from msgspec import Struct

WIDTH, HEIGHT, STEP = 300, 48, 5  # of the drawing; a bar stands every `STEP`
LEAST = 1.5  # a bar that is there at all can be seen


class Bar(Struct, frozen=True):
    """A bar with its foot at the bottom; `top` is how much of it, from above, is of the other kind."""

    x: int
    height: float
    top: float
    title: str


class Chart(Struct, frozen=True):
    """Bars, and in a sentence what they show."""

    bars: tuple[Bar, ...]
    said: str


def chart(values: Sequence[float], tops: Sequence[float], titles: Sequence[str], said: str) -> Chart:
    """One bar a value, the highest as high as the drawing. `tops` are parts of the values."""
    most = max(values, default=0.0)
    bars = [
        Bar(
            x=number * STEP,
            height=round(max(LEAST, value / most * HEIGHT), 1),
            top=round(top / most * HEIGHT, 1),
            title=title,
        )
        for number, (value, top, title) in enumerate(zip(values, tops, titles, strict=True))
        if value > 0
    ]
    return Chart(tuple(bars), said)
