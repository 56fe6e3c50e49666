export { default } from './src/app.ts';
