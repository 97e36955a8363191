-- An echo that was stored before the answer to the send named it is the same message: its row goes (messages/settle.ts).
grant delete on messages, message_parts, timeline_entries to throughline_app;
