import { proxied } from "./proxied.ts";

export default proxied("Stake", (m) => [m.getParameter("token")]);
