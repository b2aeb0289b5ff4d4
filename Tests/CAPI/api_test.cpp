// The interface from C++11: handles in unique_ptr, a lambda as the release callback, exceptions for errors.
#include "check.h"

#include <framewire/framewire.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

template <typename T, void (*Close)(T *)> struct Closer {
    void operator()(T *handle) const { Close(handle); }
};

using Sender = std::unique_ptr<fw_sender, Closer<fw_sender, fw_sender_close>>;
using Receiver = std::unique_ptr<fw_receiver, Closer<fw_receiver, fw_receiver_close>>;
using Frame = std::unique_ptr<fw_frame, Closer<fw_frame, fw_frame_unref>>;
using Buffer = std::unique_ptr<fw_buffer, Closer<fw_buffer, fw_buffer_unref>>;

struct Error : std::runtime_error {
    explicit Error(fw_status code) : std::runtime_error(fw_last_error()), status(code) {}
    fw_status status;
};

void require(fw_status status) {
    if (status != FW_OK) throw Error(status);
}

Sender openSender(const std::string &url, const fw_sender_options &options) {
    fw_sender *sender = nullptr;
    require(fw_sender_open(url.c_str(), &options, &sender));
    return Sender(sender);
}

Receiver openReceiver(const std::string &url) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    options.once = 1;
    fw_receiver *receiver = nullptr;
    require(fw_receiver_open(url.c_str(), &options, &receiver));
    return Receiver(receiver);
}

Frame next(const Receiver &receiver) {
    fw_frame *frame = nullptr;
    require(fw_receiver_next(receiver.get(), -1, &frame));
    return Frame(frame);
}

fw_frame_info describe(std::uint32_t width, std::uint32_t height) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = width;
    info.height = height;
    info.format = FW_PIXEL_FORMAT_RGB8;
    info.row_order = FW_ROW_ORDER_BOTTOM_UP;
    return info;
}

void framesArriveInOtherHands() {
    Receiver receiver = openReceiver("tcp://127.0.0.1:0");
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    options.overflow = FW_OVERFLOW_BLOCK;
    Sender sender = openSender("tcp://127.0.0.1:" + std::to_string(fw_receiver_port(receiver.get())), options);
    fw_frame_info info = describe(7, 2);

    std::atomic<int> released(0);
    std::vector<unsigned char> pixels(7 * 2 * 3);
    for (std::size_t i = 0; i < pixels.size(); i++) pixels[i] = static_cast<unsigned char>(i);
    std::thread producer([&] {
        require(fw_sender_push(sender.get(), &info, pixels.data(), pixels.size()));
        require(fw_sender_push_wrapped(
            sender.get(), &info, pixels.data(), pixels.size(),
            [](void *user) { static_cast<std::atomic<int> *>(user)->fetch_add(1); }, &released));
        fw_buffer *raw = nullptr;
        require(fw_buffer_new_allocate(pixels.size(), nullptr, &raw));
        Buffer buffer(raw);
        require(fw_buffer_fill(buffer.get(), 0, pixels.data(), pixels.size(), nullptr));
        require(fw_sender_push_buffer(sender.get(), &info, buffer.get()));
        fw_frame *lent = nullptr;
        require(fw_sender_acquire(sender.get(), &info, &lent));
        std::memcpy(fw_frame_data(lent), pixels.data(), fw_frame_size(lent));
        require(fw_sender_submit(sender.get(), lent));
        sender.reset();
    });
    for (int i = 0; i < 4; i++) {
        Frame frame = next(receiver);
        const unsigned char *bytes = static_cast<const unsigned char *>(fw_frame_data(frame.get()));
        CHECK(fw_frame_size(frame.get()) == pixels.size());
        CHECK(std::memcmp(bytes, pixels.data() + 21, 21) == 0 && std::memcmp(bytes + 21, pixels.data(), 21) == 0);
    }
    producer.join();
    CHECK(released == 1);
    try {
        next(receiver);
        CHECK(!"the stream should have ended");
    } catch (const Error &error) {
        CHECK(error.status == FW_ERROR_CLOSED && std::string(error.what()).size() > 10);
    }
}

void errorsCanBeThrown() {
    try {
        openReceiver("tcp://127.0.0.1:99999");
        CHECK(!"a bad port should have been refused");
    } catch (const Error &error) {
        CHECK(error.status == FW_ERROR_ADDRESS);
        CHECK(std::string(error.what()).find("99999") != std::string::npos);
        CHECK(std::string(fw_status_string(error.status)) == "FW_ERROR_ADDRESS");
    }
}

void loggingReachesALambda() {
    std::atomic<int> messages(0);
    fw_set_log([](fw_log_level, const char *, void *user) { static_cast<std::atomic<int> *>(user)->fetch_add(1); },
               FW_LOG_INFO, &messages);
    Receiver receiver = openReceiver("tcp://127.0.0.1:0");
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    openSender("tcp://127.0.0.1:" + std::to_string(fw_receiver_port(receiver.get())), options).reset();
    receiver.reset();
    fw_set_log(nullptr, FW_LOG_WARNING, nullptr);
    CHECK(messages > 0);
}

} // namespace

int main() {
    alarm(120);
    framesArriveInOtherHands();
    errorsCanBeThrown();
    loggingReachesALambda();
    std::printf("api_test: ok\n");
    return 0;
}
