"""The API of Alibaba Cloud Service Catalog: one endpoint, signed requests, answers in JSON."""
