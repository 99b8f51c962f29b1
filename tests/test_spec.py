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
