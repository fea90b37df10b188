// As an app names its variables.
declare module "rusm" {
  interface Env {
    GREETING: string;
  }
}
