import { loginLimitsOf, nextLoginAt, usedLogins } from '../../domain/login-limits.ts';

const minute = 60_000;
const now = new Date('2027-01-04T10:00:00Z');
const ago = (minutes: number): Date => new Date(now.getTime() - minutes * minute);
const limits = { per_hour: 3, per_day: 5 };

it('lets a login begin while the hour and the day have room', () => {
  expect(nextLoginAt(limits, [], now)).toBeNull();
  expect(nextLoginAt(limits, [ago(5), ago(10), ago(61)], now)).toBeNull();
});

it('says when the next one may begin', () => {
  expect(nextLoginAt(limits, [ago(50), ago(5), ago(10)], now)).toEqual(new Date(now.getTime() + 10 * minute));
  const day = [ago(70), ago(80), ago(90), ago(100), ago(1_400)];
  expect(nextLoginAt(limits, day, now)).toEqual(new Date(now.getTime() + 40 * minute));
  expect(nextLoginAt({ per_hour: 0, per_day: null }, [], now)).toEqual(new Date(now.getTime() + 60 * minute));
  expect(nextLoginAt({ per_hour: null, per_day: null }, day, now)).toBeNull();
});

it('counts logins of the last hour and day', () => {
  expect(usedLogins([ago(5), ago(59), ago(61), ago(1_441)], now)).toEqual({ hour: 2, day: 3 });
});

it('takes what an operator set in place of the usual', () => {
  expect(loginLimitsOf('linkedin', { per_day: 10 })).toEqual({ per_hour: 30, per_day: 10 });
  expect(loginLimitsOf('whatsapp', null)).toEqual({ per_hour: 30, per_day: 100 });
});
