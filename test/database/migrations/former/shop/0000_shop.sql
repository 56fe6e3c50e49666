CREATE TABLE "read"."customers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"email" text NOT NULL,
	"version" integer NOT NULL,
	"last_position" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "read"."orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"status" text NOT NULL,
	"customer_id" uuid NOT NULL,
	"items" jsonb NOT NULL,
	"item_count" integer NOT NULL,
	"total" bigint NOT NULL,
	"currency" text NOT NULL,
	"shipping_address" jsonb NOT NULL,
	"carrier" text,
	"tracking_number" text,
	"cancellation_reason" text,
	"placed_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL,
	"search_text" text NOT NULL,
	"last_position" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "read"."products" (
	"id" uuid PRIMARY KEY NOT NULL,
	"sku" text NOT NULL,
	"name" text NOT NULL,
	"price" bigint NOT NULL,
	"currency" text NOT NULL,
	"stock" integer NOT NULL,
	"version" integer NOT NULL,
	"last_position" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "orders_placed_at" ON "read"."orders" USING btree ("placed_at","id");--> statement-breakpoint
CREATE INDEX "orders_total" ON "read"."orders" USING btree ("total","id");--> statement-breakpoint
CREATE INDEX "orders_customer_placed_at" ON "read"."orders" USING btree ("customer_id","placed_at","id");--> statement-breakpoint
CREATE INDEX "orders_status_placed_at" ON "read"."orders" USING btree ("status","placed_at","id");--> statement-breakpoint
CREATE INDEX "orders_currency_status" ON "read"."orders" USING btree ("currency","status","total");