CREATE INDEX "deliveries_by_endpoint" ON "deliveries" USING btree ("workspace_id","endpoint_id","received_at");--> statement-breakpoint
CREATE UNIQUE INDEX "tokens_id" ON "tokens" USING btree ("id");