import { definePort } from '../../index.ts';
import type { Money } from '../shared/money.ts';

/** Identifies a call to the gateway, however often it is sent. */
export interface GatewayCall {
  /** The idempotency key. */
  readonly key: string;
  /** Our name for the payment: one authorisation and everything that follows from it. */
  readonly reference: string;
  readonly signal?: AbortSignal | undefined;
}

/** It is unknown whether the gateway has done it: it did not answer, not in time, or does not know itself. */
export interface Uncertain {
  readonly is: 'uncertain';
  readonly reason: string;
}
/** The gateway was not reached, so it has not done it. */
export interface Unreachable {
  readonly is: 'unreachable';
  readonly reason: string;
}
/** The gateway refuses permanently. */
export interface Declined {
  readonly is: 'declined';
  /** The gateway's code, such as insufficient_funds. */
  readonly code: string;
  /** A sentence for the customer. */
  readonly message: string;
}
export type NoAnswer = Uncertain | Unreachable;

export type Authorization = { readonly is: 'authorized' } | Declined | NoAnswer;
export type Capture = { readonly is: 'captured' } | Declined | NoAnswer;
/** Whether the authorised money is free again, or had already been captured. */
export type Voiding = { readonly is: 'voided' } | { readonly is: 'captured' } | NoAnswer;
export type Refund = { readonly is: 'refunded' } | Declined | NoAnswer;
/** The gateway's state of a payment; `pending` if it has begun and is not done. */
export type Lookup =
  | { readonly is: 'authorized' | 'captured' | 'voided' | 'refunded' | 'pending' | 'unknown' }
  | Declined
  | NoAnswer;

/**
 * Charges customers' cards. Amounts are in minor units. Every call may be repeated with its key and then gets the same
 * answer.
 */
export interface PaymentGateway {
  /** Authorises an amount. @param method the gateway's token for the payment method. */
  authorize(call: GatewayCall & { readonly amount: Money; readonly method: string }): Promise<Authorization>;
  /** Captures the whole authorised amount. */
  capture(call: GatewayCall): Promise<Capture>;
  /** Releases the authorised amount. If the authorisation never arrived, the gateway will refuse it when it does. */
  void(call: GatewayCall): Promise<Voiding>;
  /** Refunds everything that was captured. */
  refund(call: GatewayCall): Promise<Refund>;
  lookup(call: Omit<GatewayCall, 'key'>): Promise<Lookup>;
}

export const paymentGateway = definePort<PaymentGateway>('payment gateway');
