drop table inbox, deliveries, outbox_messages, events;
