# Framewire. `make help` lists what there is to make.

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
SWIFT ?= swift

# embedded: no Swift runtime inside or beside the library. static: the ordinary runtime, linked in.
RUNTIME ?= embedded

version_part = $(shell sed -n 's/^.define FW_VERSION_$(1) //p' include/framewire/version.h)
SOVERSION := $(call version_part,MAJOR)
VERSION := $(SOVERSION).$(call version_part,MINOR).$(call version_part,PATCH)
SONAME := libframewire.so.$(SOVERSION)

# SwiftPM does not link again when only flags change, so each variant has a scratch path of its own.
ifeq ($(RUNTIME),embedded)
SCRATCH := .build-embedded
# Embedded Swift checks no exclusive access at run time: the calls for it are of functions that do nothing. No exception passes
# through the library; debuggers find the callers by the debug information of the library that is not stripped.
RUNTIME_FLAGS := -Xswiftc -enable-experimental-feature -Xswiftc Embedded --omit-frame-pointers \
    $(addprefix -Xswiftc ,-enforce-exclusivity=unchecked -Xcc -fno-asynchronous-unwind-tables -Xcc -fno-unwind-tables)
else ifeq ($(RUNTIME),static)
SCRATCH := .build-static
RUNTIME_FLAGS := -Xswiftc -static-stdlib
else
$(error RUNTIME is '$(RUNTIME)'; it can be 'embedded' or 'static')
endif

OUTPUT := .build-output
LIBRARY := $(OUTPUT)/$(RUNTIME)/libframewire.so.$(VERSION)
CAPTURE := $(OUTPUT)/$(RUNTIME)/libframewire-capture.so
COMMAND := $(OUTPUT)/framewire
# Embedded Swift puts a copy of much that a module uses into the module; a section for each function lets the linker leave out
# the copies that nothing calls, which more than halves the library.
#
# All is compiled for size but the functions marked @_optimize(speed), the kernels of the codec.
# Specialised signatures would lose the mark. Each of a function's traps has code of its own unless they may be merged.
COMPILER_OPTIONS := -Osize -warnings-as-errors -use-ld=lld \
    $(addprefix -Xfrontend ,-function-sections -mergeable-traps) -Xllvm -sil-disable-pass=function-signature-opts
LINKER_OPTIONS := -z defs --gc-sections --icf=all -lm
LIBRARY_SOURCES := Makefile Package.swift packaging/framewire.map packaging/capture.map \
    $(shell find Sources include -type f -not -path 'Sources/framewire-cli/*' -not -path 'Sources/PictureFiles/*' \
        -not -path 'Sources/Viewer/*' -not -path 'Sources/CSDL/*')
COMMAND_SOURCES := Package.swift $(shell find Sources -type f)

HEADERS := $(wildcard include/framewire/*.h)
HEADER_DESTINATION = $(DESTDIR)$(INCLUDEDIR)/framewire
PKGCONFIG_DESTINATION = $(DESTDIR)$(LIBDIR)/pkgconfig
CMAKE_DESTINATION = $(DESTDIR)$(LIBDIR)/cmake/framewire

.PHONY: all lib cli install uninstall demo test fuzz lint format symbols packages clean help
.NOTPARALLEL:
.DELETE_ON_ERROR:

all: lib

lib: $(LIBRARY) $(CAPTURE)

cli: $(COMMAND)

# $(call link_library,PRODUCT,SONAME,MAP,OUTPUT) links a product as a shared library of this name that shows what the map says.
# A changed version script alone would not make SwiftPM link again.
define link_library
	@scripts/install-packages.sh build
	@rm -f $(SCRATCH)/release/lib$(1).so
	$(SWIFT) build -c release --product $(1) --scratch-path $(SCRATCH) --disable-local-rpath \
	    $(RUNTIME_FLAGS) $(addprefix -Xswiftc ,$(COMPILER_OPTIONS)) \
	    $(addprefix -Xlinker ,-soname=$(2) --version-script=$(CURDIR)/packaging/$(3) $(LINKER_OPTIONS))
	@mkdir -p $(dir $(4))
	strip --strip-unneeded -o $(4) $(SCRATCH)/release/lib$(1).so
endef

$(LIBRARY): $(LIBRARY_SOURCES)
	$(call link_library,framewire,$(SONAME),framewire.map,$@)
	ln -sf $(@F) $(@D)/$(SONAME)
	ln -sf $(SONAME) $(@D)/libframewire.so

$(CAPTURE): $(LIBRARY_SOURCES)
	$(call link_library,framewire-capture,libframewire-capture.so,capture.map,$@)

$(COMMAND): $(COMMAND_SOURCES)
	@scripts/install-packages.sh build
	$(SWIFT) build -c release --product framewire-cli --scratch-path .build-cli --disable-local-rpath --static-swift-stdlib
	@mkdir -p $(@D)
	strip -o $@ .build-cli/release/framewire-cli

install: lib cli
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/framewire $(HEADER_DESTINATION) $(PKGCONFIG_DESTINATION) $(CMAKE_DESTINATION)
	install -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/framewire
	install -m 644 $(LIBRARY) $(DESTDIR)$(LIBDIR)
	install -m 644 $(CAPTURE) $(DESTDIR)$(LIBDIR)/framewire
	ln -sf libframewire.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libframewire.so
	install -m 644 $(HEADERS) $(HEADER_DESTINATION)
	@set -e; for template in packaging/*.in; do \
	    case $$template in *.pc.in) to=$(PKGCONFIG_DESTINATION) ;; *) to=$(CMAKE_DESTINATION) ;; esac; \
	    name=$$(basename $$template .in); echo "$$template -> $$to/$$name"; \
	    sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	        -e 's|@VERSION@|$(VERSION)|g' -e 's|@SOVERSION@|$(SOVERSION)|g' -e "s|@POINTER_BYTES@|$$(($$(getconf LONG_BIT) / 8))|g" \
	        -e "s|@CMAKE_TO_INCLUDEDIR@|$$(realpath -m --relative-to=$(LIBDIR)/cmake/framewire $(INCLUDEDIR))|g" \
	        $$template >$$to/$$name; chmod 644 $$to/$$name; \
	done
	@# A library in one of the system's own folders is found once the cache knows it; elsewhere this changes nothing.
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig 2>/dev/null || true; fi

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/framewire
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libframewire.so $(SONAME) libframewire.so.$(VERSION) \
	    framewire/libframewire-capture.so)
	rm -f $(addprefix $(HEADER_DESTINATION)/,$(notdir $(HEADERS))) $(PKGCONFIG_DESTINATION)/framewire.pc
	rm -f $(CMAKE_DESTINATION)/framewire-config.cmake $(CMAKE_DESTINATION)/framewire-config-version.cmake
	@rmdir $(DESTDIR)$(LIBDIR)/framewire $(HEADER_DESTINATION) $(CMAKE_DESTINATION) 2>/dev/null || true

demo:
	@scripts/demo.sh

test:
	@scripts/install-packages.sh build demo test
	@scripts/test.sh

fuzz:
	@scripts/fuzz.sh $(SECONDS)

lint:
	$(SWIFT) format lint --strict --parallel -r Package.swift Sources Tests samples/swift samples/swift-opengl

format:
	$(SWIFT) format --in-place --parallel -r Package.swift Sources Tests samples/swift samples/swift-opengl

symbols:
	scripts/symbols.sh >packaging/symbols.txt

packages:
	@scripts/install-packages.sh

clean:
	rm -rf .build .build-embedded .build-static .build-cli $(OUTPUT) demo install
	@set -e; for sample in samples/*/Makefile; do $(MAKE) --no-print-directory -C $$(dirname $$sample) clean; done

help:
	@echo 'make                 the library, in $(OUTPUT)/$(RUNTIME)'
	@echo 'make lib RUNTIME=static   the same with the ordinary Swift runtime linked in'
	@echo 'make cli             the framewire command'
	@echo 'make install         both, the headers, pkg-config and CMake files; PREFIX=$(PREFIX), DESTDIR=$(DESTDIR)'
	@echo 'make uninstall       takes them away again'
	@echo 'make demo            an OpenGL program sends frames to another process; pictures and numbers in demo/'
	@echo 'make test            all tests'
	@echo 'make fuzz            feeds damaged payloads and streams to the decoders, SECONDS (60) each'
	@echo 'make lint            checks the format of the Swift sources; `make format` puts it right'
	@echo 'make symbols         rewrites packaging/symbols.txt from the headers'
	@echo 'make packages        installs what building, demo and tests need (Debian, Ubuntu)'
	@echo 'make clean           removes everything that was built'
