drop table delivery_attempts;
alter table outbox_messages
    drop column discovered_at,
    drop column queued_at,
    drop column turn_at,
    drop column attempted_at;
