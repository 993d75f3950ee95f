"""What is in the bucket: store.py ENDPOINT make | count | change DIGEST"""

import sys

import boto3

endpoint, what, *rest = sys.argv[1:]
s3 = boto3.client(
    "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="models", aws_secret_access_key="very-secret"
)
if what == "make":
    s3.create_bucket(Bucket="models")
elif what == "count":
    found = s3.list_objects_v2(Bucket="models", Prefix="training/").get("Contents", [])
    print(sum(1 for one in found if one["Key"] != "training/countersign"))
else:
    key = f"training/{rest[0][:2]}/{rest[0]}"
    body = bytearray(s3.get_object(Bucket="models", Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    s3.put_object(Bucket="models", Key=key, Body=bytes(body))
