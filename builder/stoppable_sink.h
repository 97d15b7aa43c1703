// Ends what writes through it when somebody asks for that.
#pragma once

#include <stop_token>
#include <utility>

#include "base/byte_stream.h"
#include "base/stop.h"

namespace cooper::builder {

class StoppableSink : public ByteSink {
 public:
  StoppableSink(ByteSink& next, std::stop_token stop) : next_(next), stop_(std::move(stop)) {}
  void write(Bytes bytes) override {
    end_if_stopped(stop_);
    next_.write(bytes);
  }
  void finish() override { next_.finish(); }

 private:
  ByteSink& next_;
  std::stop_token stop_;
};

}  // namespace cooper::builder
