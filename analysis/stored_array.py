"""Large arrays in result documents: exact, compressed, and kept out of the documents themselves.

A result declares an array field, and the job that returns it names the key whose values go to the additional store:

    class ChargeDensity(BaseModel):
        density_e_a3: StoredArray = Field(description="Valence electron density, shape of the grid, e/Å³")

    @job(data=PAYLOAD, output_schema=ChargeDensity)
    def density(...) -> ChargeDensity: ...

jobflow moves the value of every key called `payload`, at any depth of the output, to the additional store "data". Shape
and data type stay in the document. A later job that takes `job.output` gets the array back; so does
`ResultsStore.get(..., arrays=True)`. Without this, jobflow turns an array into nested lists of Python numbers: slow,
and the data type is lost.
"""

from __future__ import annotations

import base64
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from natrium.structures.errors import InputError

PAYLOAD = "payload"
"""The key that jobflow looks for: `@job(data=PAYLOAD)`."""


def to_document(array: NDArray[Any]) -> dict[str, Any]:
    """An array as a small dictionary of its shape, its data type and its compressed bytes in base64."""
    if array.dtype.hasobject:
        raise InputError(f"an array of {array.dtype} cannot be stored", "store numbers")
    payload = base64.b64encode(zlib.compress(array.tobytes(), level=1)).decode("ascii")
    return {"shape": list(array.shape), "dtype": array.dtype.str, PAYLOAD: payload}


def from_document(value: Any) -> NDArray[Any]:
    """The array of `to_document`; arrays pass, lists become arrays.

    Raises:
        InputError: The payload was left in the additional store.
    """
    if not isinstance(value, dict):
        return np.asarray(value)
    payload = value[PAYLOAD]
    if not isinstance(payload, str):
        raise InputError(
            f"the array of shape {tuple(value['shape'])} was left in the additional store",
            "read the document with ResultsStore.get(..., arrays=True), or query the job store with load=True",
        )
    buffer = zlib.decompress(base64.b64decode(payload))
    return np.frombuffer(buffer, dtype=np.dtype(value["dtype"])).reshape(value["shape"]).copy()


class _AsDocument:
    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            from_document,
            core_schema.any_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(to_document),
        )


StoredArray = Annotated[NDArray[Any], _AsDocument]
"""The type of an array field in a pydantic model."""
