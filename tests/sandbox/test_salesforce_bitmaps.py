"""The header's bitmaps, held against the examples in Salesforce's documentation."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.avro import decode_bitmaps, encode_bitmaps, schema_of
from sandbox.salesforce.objects import ACCOUNT, OBJECTS

SCHEMA = schema_of(ACCOUNT)


def test_the_documented_example_of_two_plain_fields() -> None:
    assert decode_bitmaps(SCHEMA.json, ["0x400800"]) == ["Industry", "LastModifiedDate"]
    assert SCHEMA.bitmaps(["Industry", "LastModifiedDate"]) == ["0x400800"]


def test_the_documented_example_of_a_compound_field() -> None:
    assert decode_bitmaps(SCHEMA.json, ["0x400000", "4-0x01"]) == ["LastModifiedDate", "BillingAddress.Street"]
    assert SCHEMA.bitmaps(["BillingStreet", "LastModifiedDate"]) == ["0x400000", "4-0x01"]


def test_no_field_is_no_bitmap() -> None:
    assert encode_bitmaps([]) == []


@given(st.data())
def test_what_is_encoded_is_decoded_for_every_object(data: st.DataObject) -> None:
    sobject = data.draw(st.sampled_from(OBJECTS))
    schema = schema_of(sobject)
    plain = [name for name, (_, inner) in schema.positions.items() if inner is None]
    names = data.draw(st.lists(st.sampled_from(plain), unique=True))
    assert set(decode_bitmaps(schema.json, schema.bitmaps(names))) == set(names)
