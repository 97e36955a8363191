-- The server's own: no workspace's, and nothing that the app's role reads.
grant select, insert, update on server_keys to throughline_system;
