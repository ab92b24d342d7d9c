import { proxied } from "./proxied.ts";

export default proxied("LicenseMarket");
