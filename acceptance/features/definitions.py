"""A Feast repository: the purchases of a week, and the lifetime value that follows from them."""

from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureView, Field, FileSource, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Bool, Float64, Int64, String

customer = Entity(name="customer", join_keys=["customer_id"])
orders = FileSource(name="orders", path="data/orders.parquet", timestamp_field="event_timestamp")
purchases = FeatureView(
    name="purchases",
    entities=[customer],
    ttl=timedelta(days=7),
    source=orders,
    owner="growth",
    schema=[
        Field(name="purchases_7d", dtype=Float64, tags={"concept": "7-day rolling average purchase count", "window": "7d"}),
        Field(name="plan", dtype=String),
        Field(name="is_new", dtype=Bool),
        Field(name="last_items", dtype=Array(Int64)),
    ],
)
request = RequestSource(name="request", schema=[Field(name="margin", dtype=Float64)])


@on_demand_feature_view(sources=[purchases, request], schema=[Field(name="clv", dtype=Float64)], tags={"team": "finance"})
def lifetime(inputs: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame()
    out["clv"] = inputs["purchases_7d"] * inputs["margin"] * 52
    return out
