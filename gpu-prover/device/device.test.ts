import { expect } from "chai";
import { onDevice } from "../test/device.ts";
import { Device } from "./device.ts";
import { DeviceError } from "./errors.ts";

describe("device", () => {
  onDevice(
    "a software adapter is taken only where it is asked for, even if the machine looks as if it had a GPU",
    async () => {
      const platform = Object.getOwnPropertyDescriptor(process, "platform")!;
      Object.defineProperty(process, "platform", { ...platform, value: "other" });
      try {
        const opened = await Device.open().catch((error: unknown) => error);
        if (opened instanceof Device) {
          expect(opened.software, opened.name).to.equal(false);
          opened.close();
        } else {
          expect(opened).to.be.instanceOf(DeviceError);
          expect((opened as DeviceError).message).to.match(/^only a software adapter is here \(.+\)/);
        }
      } finally {
        Object.defineProperty(process, "platform", platform);
      }
    },
  );
});
