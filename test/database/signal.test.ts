import { expect, it } from 'vitest';
import { Ending } from '../../src/database/signal.ts';

it('an ending calls each listener once, and none that has left or comes later', () => {
  const ending = new Ending();
  const called: string[] = [];
  const left = () => void called.push('left');
  ending.addEventListener('abort', () => void called.push('first'));
  ending.addEventListener('abort', left);
  ending.removeEventListener('abort', left);
  expect(ending.aborted).toBe(false);
  ending.abort();
  ending.abort();
  ending.addEventListener('abort', () => void called.push('late'));
  expect(ending.aborted).toBe(true);
  expect(called).toEqual(['first']);
});

it('an ending stands in for an AbortSignal if one is listened to', () => {
  const listen = (signal: Pick<Ending, 'aborted' | 'addEventListener'>) => {
    let heard = false;
    signal.addEventListener('abort', () => {
      heard = true;
    });
    return () => heard;
  };
  const controller = new AbortController();
  const ending = new Ending();
  const heard = [listen(controller.signal), listen(ending)];
  controller.abort();
  ending.abort();
  expect(heard.map((each) => each())).toEqual([true, true]);
});
