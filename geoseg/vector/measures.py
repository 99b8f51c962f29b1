"""What a parcel layer says of its parcels, without their shapes; and the largest of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet
import pyogrio
from numpy.typing import NDArray

from geoseg.vector.read import find_layer, read_table


def read_measures(
    path: str | Path, names: Sequence[str], *, layer: str | None = None
) -> dict[str, NDArray[np.float64]]:
    """Read columns of numbers, one value per parcel; a column that is not there is left out.

    Raises:
        VectorError: the file or layer is not there.
    """
    file, layer = find_layer(path, layer)
    if layer is None:
        there = [one for one in names if one in pyarrow.parquet.read_schema(file).names]
        table = pyarrow.parquet.read_table(file, columns=there).to_pandas()
    else:
        fields = pyogrio.read_info(file, layer=layer)["fields"]
        there = [one for one in names if one in fields]
        table = pyogrio.read_dataframe(file, layer=layer, columns=there, read_geometry=False)
    return {one: table[one].to_numpy(np.float64) for one in there}


def read_largest(
    path: str | Path, areas: NDArray[np.float64], most: int, *, layer: str | None = None
) -> geopandas.GeoDataFrame:
    """Read the parcels with the largest areas; all where there are no more than `most`.

    Args:
        path: file with a column area_m2.
        areas: that column.
        most: how many to read; more only where areas are equal.
        layer: None for the only one.
    """
    if len(areas) <= most:
        return read_table(path, layer)
    least = float(np.partition(areas, -most)[-most])
    if Path(path).suffix.lower() == ".parquet":
        table = read_table(path, layer)
        return table[table["area_m2"] >= least]
    return read_table(path, layer, where=f"area_m2 >= {least!r}")
