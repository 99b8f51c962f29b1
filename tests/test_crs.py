import pyproj
import pytest

from geoseg.crs import to_lonlat, transformer, wkt_of
from geoseg.errors import CRSError


def test_longitude_comes_first_whatever_the_authority_says():
    x, y = transformer("EPSG:4326", "EPSG:32633").transform(15, 0)
    assert (x, y) == pytest.approx((500_000, 0), abs=1e-3)


def test_a_crs_leads_to_its_own_degrees():
    lon, lat = to_lonlat(pyproj.CRS(32633)).transform(500_000, 0)
    assert (lon, lat) == pytest.approx((15, 0), abs=1e-9)


@pytest.mark.parametrize("crs", [None, "EPSG:0", "no CRS"])
def test_what_is_no_crs_leads_nowhere(crs):
    with pytest.raises(CRSError, match="cannot be brought into EPSG:4326"):
        transformer(crs, "EPSG:4326")


def test_a_name_becomes_wkt_and_a_wrong_one_is_named():
    assert wkt_of("EPSG:3035") == pyproj.CRS(3035).to_wkt()
    with pytest.raises(CRSError, match="no CRS 'EPSG:0'"):
        wkt_of("EPSG:0")
