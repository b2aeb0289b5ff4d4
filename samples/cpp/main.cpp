/*
 * Sends a procedural picture from C++11. `Sender` is all the wrapping it takes: the handle closes itself, errors are exceptions.
 *
 *   ./cpp tcp://127.0.0.1:3000 [frames]
 *
 * SPDX-License-Identifier: MIT
 */
#include <framewire/framewire.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

class Sender {
  public:
    explicit Sender(const std::string &url, const fw_sender_options &options = FW_SENDER_OPTIONS_INIT) {
        fw_sender *opened = nullptr;
        check(fw_sender_open(url.c_str(), &options, &opened));
        handle.reset(opened);
    }

    /* Lends memory for one frame to `fill(first byte, bytes from row to row)`, then sends it. */
    template <typename Fill> void send(const fw_frame_info &info, Fill fill) {
        fw_frame *frame = nullptr;
        check(fw_sender_acquire(handle.get(), &info, &frame));
        std::unique_ptr<fw_frame, decltype(&fw_frame_unref)> owned(frame, fw_frame_unref);
        fill(static_cast<std::uint8_t *>(fw_frame_data(frame)), fw_frame_stride(frame));
        check(fw_sender_submit(handle.get(), owned.release()));
    }

  private:
    static void check(fw_status status) {
        if (status != FW_OK) throw std::runtime_error(fw_last_error());
    }

    struct Close {
        void operator()(fw_sender *sender) const { fw_sender_close(sender); }
    };
    std::unique_ptr<fw_sender, Close> handle;
};

/* Waves that run through each other. */
static void draw(std::uint8_t *pixels, std::size_t stride, unsigned width, unsigned height, double time) {
    for (unsigned y = 0; y < height; y++) {
        std::uint8_t *p = pixels + y * stride;
        const double vertical = std::sin(y * 0.021 + time * 1.3);
        for (unsigned x = 0; x < width; x++, p += 4) {
            const double wave = std::sin(x * 0.017 - time) + vertical;
            p[0] = static_cast<std::uint8_t>(128 + 60 * wave);
            p[1] = static_cast<std::uint8_t>(128 + 60 * vertical);
            p[2] = static_cast<std::uint8_t>(128 - 30 * wave);
            p[3] = 255;
        }
    }
}

int main(int count, char **arguments) {
    const std::string url = count > 1 ? arguments[1] : "tcp://127.0.0.1:3000";
    const long frames = count > 2 ? std::atol(arguments[2]) : 300;
    try {
        Sender sender(url);
        fw_frame_info info = FW_FRAME_INFO_INIT;
        info.width = 640;
        info.height = 360;
        for (long i = 0; i < frames; i++) {
            info.pts_ns = i * 1000000000LL / 60;
            sender.send(info, [&](std::uint8_t *pixels, std::size_t stride) {
                draw(pixels, stride, info.width, info.height, static_cast<double>(i) / 60);
            });
            std::this_thread::sleep_for(std::chrono::microseconds(16667));
        }
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "cpp: " << error.what() << '\n';
        return 1;
    }
}
