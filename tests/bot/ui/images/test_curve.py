"""Test the picture of how a voice learned."""

import io
import json

import pytest
from PIL import Image

from bot.inference.anatomy import Anatomy
from bot.settings import SHIPPED_MODELS
from bot.ui.images import curve
from bot.ui.images.curve import Curve, describe_curve, parse_curve
from bot.ui.images.pictures import IMAGE_WIDTH


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"curve": "[not JSON"},
        {"curve": "7"},
        {"curve": json.dumps({"training": [], "validation": []})},
        {"curve": json.dumps({"training": [], "validation": [["a", 1]]})},
        {"curve": json.dumps({"training": [], "validation": [[1, float("nan")]]})},
        {"curve": json.dumps({"training": [[1, 1e300]], "validation": [[1, 2.0]]})},
    ],
    ids=str,
)
def test_a_file_without_a_curve_has_no_picture(about: dict[str, str]):
    assert parse_curve({f"onbook.{key}": value for key, value in about.items()}) is None


@pytest.mark.parametrize("name", ["screen", "stage"])
def test_a_shipped_voice_has_a_curve(name: str):
    found = parse_curve(Anatomy.of((SHIPPED_MODELS / f"{name}.onnx").read_bytes()).metadata)
    assert found is not None
    step, bits = found.best
    assert 1 < bits < 2
    assert f"at best after {step:,.0f}" in describe_curve(name, found)


@pytest.mark.parametrize(
    "values",
    [
        Curve((), ((0.0, 2.0),)),
        Curve(((1.0, 9.0), (2.0, 8.0)), ((1.0, 900.0), (2.0, 3.0))),
        Curve((), tuple((float(step), 1.0 + step) for step in range(500))),
    ],
    ids=["a point", "steep", "long"],
)
def test_any_curve_can_be_drawn(values: Curve):
    picture = Image.open(io.BytesIO(curve.draw_curve("x" * 100, values)))
    assert picture.size == (IMAGE_WIDTH, curve.CURVE_HEIGHT)
    assert describe_curve("x" * 2000, values)
