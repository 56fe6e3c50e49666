ALTER TABLE "read"."notes_history" ALTER COLUMN "title" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."notes_history" ALTER COLUMN "content" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."notes_history" ALTER COLUMN "tags" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."notes_history" ALTER COLUMN "workspace_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ALTER COLUMN "status" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ALTER COLUMN "items" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ALTER COLUMN "currency" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ALTER COLUMN "shipping_address" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ALTER COLUMN "search_text" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "read"."notes_history" ADD COLUMN "kept_in" jsonb;--> statement-breakpoint
ALTER TABLE "read"."notes" ADD COLUMN "kept_in" jsonb;--> statement-breakpoint
ALTER TABLE "read"."orders_history" ADD COLUMN "kept_in" jsonb;--> statement-breakpoint
ALTER TABLE "read"."orders" ADD COLUMN "kept_in" jsonb;