drop index events_request;
