"""Writes the table of orders that the Feast repository names."""

import pandas

days = pandas.to_datetime(["2026-01-01", "2026-01-02"], utc=True)
columns = {"customer_id": [1, 2], "purchases_7d": [1.0, 2.0], "plan": ["a", "b"], "is_new": [True, False]}
pandas.DataFrame({**columns, "last_items": [[1], [2]], "event_timestamp": days}).to_parquet("data/orders.parquet")
