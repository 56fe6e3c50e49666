ALTER TABLE "read"."customers" ADD COLUMN "stale_since" bigint;--> statement-breakpoint
ALTER TABLE "read"."orders" ADD COLUMN "stale_since" bigint;--> statement-breakpoint
ALTER TABLE "read"."products" ADD COLUMN "stale_since" bigint;
