import json

import pytest

from geoseg.errors import ModelError
from geoseg.spec import Band, Instances, LabelClass, ModelSpec


def spec() -> ModelSpec:
    return ModelSpec(
        name="test", bands=(Band("red", 0, 255),), dtype="uint8",
        classes=(LabelClass(0, "parcel"), LabelClass(1, "boundary")), resolution=(0.5, 4.0),
        divisor=16, halo=96, architecture="unet", width=16, instances=Instances(merge=0.2),
        scores={"iou": 0.5},
    )


def test_a_spec_survives_its_json():
    assert ModelSpec.from_json(spec().to_json()) == spec()


EXTRA = spec().to_json()[:-1] + ', "x": 1}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"bands": 3}', EXTRA])
def test_a_broken_spec_is_a_model_error(text):
    with pytest.raises(ModelError, match="not a geoseg model"):
        ModelSpec.from_json(text)


def test_a_band_without_a_range_is_refused():
    with pytest.raises(ModelError, match="must be above low"):
        Band("red", 1, 1)


@pytest.mark.parametrize("value", ["7.0", "-0.1", "NaN", "null", '"x"'])
@pytest.mark.parametrize("name", ["confidence", "merge", "min_area_m2"])
def test_a_threshold_that_is_none_is_refused_with_the_model(name, value):
    if (name, value) == ("min_area_m2", "7.0"):
        value = "1e300"
    text = json.dumps(json.loads(spec().to_json()) | {"instances": {name: json.loads(value)}})
    with pytest.raises(ModelError, match="its spec cannot be read"):
        ModelSpec.from_json(text)
