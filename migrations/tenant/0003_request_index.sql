-- Support asks "what did this request do": the request id is in every answer and every log line.
create index events_request on events (request_id, created_at, seq) where request_id <> '';
