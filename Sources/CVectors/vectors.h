/*
 * The shuffles and variable shifts that Swift's SIMD types lack: written with Swift's subscripts they compile to one lane after
 * another. Vectors are those of Swift: SIMD16<UInt8>, SIMD8<UInt16>, SIMD4<UInt32>, SIMD2<UInt64>. Any processor; SSE2 where it
 * is at hand.
 */
#ifndef FRAMEWIRE_CVECTORS_H
#define FRAMEWIRE_CVECTORS_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef uint8_t fwx_u8x16 __attribute__((ext_vector_type(16)));
typedef uint16_t fwx_u16x8 __attribute__((ext_vector_type(8)));
typedef uint32_t fwx_u32x4 __attribute__((ext_vector_type(4)));
typedef uint64_t fwx_u64x2 __attribute__((ext_vector_type(2)));

#define FWX_INLINE static inline __attribute__((always_inline))

/* The first, or the second, lanes of both. */
FWX_INLINE fwx_u64x2 fwx_low64(fwx_u64x2 a, fwx_u64x2 b) { return __builtin_shufflevector(a, b, 0, 2); }
FWX_INLINE fwx_u64x2 fwx_high64(fwx_u64x2 a, fwx_u64x2 b) { return __builtin_shufflevector(a, b, 1, 3); }

/* Lanes 0 and 2, or 1 and 3, of both. */
FWX_INLINE fwx_u32x4 fwx_even32(fwx_u32x4 a, fwx_u32x4 b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6); }
FWX_INLINE fwx_u32x4 fwx_odd32(fwx_u32x4 a, fwx_u32x4 b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7); }

/* Lanes 0 and 1, or 2 and 3, as 64-bit numbers. */
FWX_INLINE fwx_u64x2 fwx_widen_low32(fwx_u32x4 a) {
    fwx_u32x4 zero = 0;
    return (fwx_u64x2)__builtin_shufflevector(a, zero, 0, 4, 1, 5);
}
FWX_INLINE fwx_u64x2 fwx_widen_high32(fwx_u32x4 a) {
    fwx_u32x4 zero = 0;
    return (fwx_u64x2)__builtin_shufflevector(a, zero, 2, 4, 3, 5);
}

/* All bytes moved to higher places by 1, 2, 4 or 8, zeros behind them. */
FWX_INLINE fwx_u8x16 fwx_up8(fwx_u8x16 a) {
    fwx_u8x16 zero = 0;
    return __builtin_shufflevector(zero, a, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}
FWX_INLINE fwx_u8x16 fwx_up16(fwx_u8x16 a) {
    fwx_u8x16 zero = 0;
    return __builtin_shufflevector(zero, a, 0, 1, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}
FWX_INLINE fwx_u8x16 fwx_up32(fwx_u8x16 a) {
    fwx_u8x16 zero = 0;
    return __builtin_shufflevector(zero, a, 0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
}
FWX_INLINE fwx_u8x16 fwx_up64(fwx_u8x16 a) {
    fwx_u8x16 zero = 0;
    return __builtin_shufflevector(zero, a, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

/* The bytes of both in the places of even, or of odd, number. */
FWX_INLINE fwx_u8x16 fwx_even8(fwx_u8x16 a, fwx_u8x16 b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
FWX_INLINE fwx_u8x16 fwx_odd8(fwx_u8x16 a, fwx_u8x16 b) {
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/* The lower, or the upper, half of both by turns: bytes, or pairs of bytes. */
FWX_INLINE fwx_u8x16 fwx_zip_low8(fwx_u8x16 a, fwx_u8x16 b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
FWX_INLINE fwx_u8x16 fwx_zip_high8(fwx_u8x16 a, fwx_u8x16 b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
FWX_INLINE fwx_u8x16 fwx_zip_low16(fwx_u8x16 a, fwx_u8x16 b) {
    return (fwx_u8x16)__builtin_shufflevector((fwx_u16x8)a, (fwx_u16x8)b, 0, 8, 1, 9, 2, 10, 3, 11);
}
FWX_INLINE fwx_u8x16 fwx_zip_high16(fwx_u8x16 a, fwx_u8x16 b) {
    return (fwx_u8x16)__builtin_shufflevector((fwx_u16x8)a, (fwx_u16x8)b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* The last lane in every place. */
FWX_INLINE fwx_u16x8 fwx_last16(fwx_u16x8 a) { return __builtin_shufflevector(a, a, 7, 7, 7, 7, 7, 7, 7, 7); }
FWX_INLINE fwx_u32x4 fwx_last32(fwx_u32x4 a) { return __builtin_shufflevector(a, a, 3, 3, 3, 3); }
FWX_INLINE fwx_u64x2 fwx_last64(fwx_u64x2 a) { return __builtin_shufflevector(a, a, 1, 1); }

/* The second byte of each four, in the places of the first and the third; zero in the others. */
FWX_INLINE fwx_u8x16 fwx_spread_second(fwx_u8x16 a) {
    fwx_u16x8 second = (fwx_u16x8)a >> 8;
    return (fwx_u8x16)__builtin_shufflevector(second, second, 0, 0, 2, 2, 4, 4, 6, 6);
}

/* The vector, through which the compiler may not look: it would take what is done to it apart into halves or single lanes and put
 * them together again by a dozen shuffles. */
FWX_INLINE fwx_u32x4 fwx_whole32(fwx_u32x4 a) {
#if defined(__SSE2__)
    __asm__("" : "+x"(a));
#elif defined(__aarch64__)
    __asm__("" : "+w"(a));
#endif
    return a;
}

/* One number in every lane, likewise. */
FWX_INLINE fwx_u32x4 fwx_splat32(uint32_t value) { return fwx_whole32((fwx_u32x4)value); }

/* All ones in the lanes that are zero. */
FWX_INLINE fwx_u32x4 fwx_is_zero32(fwx_u32x4 a) { return (fwx_u32x4)(a == 0); }

/* Has the processor fetch a cache line that will be read soon; any address is fine. */
FWX_INLINE void fwx_prefetch(const void *address) { __builtin_prefetch(address); }

/* Two 64-bit numbers from anywhere. */
FWX_INLINE fwx_u64x2 fwx_load64x2(const void *first, const void *second) {
#if defined(__SSE2__)
    return (fwx_u64x2)_mm_loadh_pd((__m128d)_mm_loadl_epi64((const __m128i *)first), (const double *)second);
#else
    uint64_t lanes[2];
    memcpy(&lanes[0], first, 8);
    memcpy(&lanes[1], second, 8);
    return (fwx_u64x2){lanes[0], lanes[1]};
#endif
}

/* Shifts of every lane; all bits go when `count` is the lane's width or more. */
#if defined(__SSE2__)
FWX_INLINE fwx_u32x4 fwx_shl32(fwx_u32x4 a, uint32_t count) {
    return (fwx_u32x4)_mm_sll_epi32((__m128i)a, _mm_cvtsi32_si128((int)count));
}
FWX_INLINE fwx_u32x4 fwx_shr32(fwx_u32x4 a, uint32_t count) {
    return (fwx_u32x4)_mm_srl_epi32((__m128i)a, _mm_cvtsi32_si128((int)count));
}
FWX_INLINE fwx_u64x2 fwx_shl64(fwx_u64x2 a, uint32_t count) {
    return (fwx_u64x2)_mm_sll_epi64((__m128i)a, _mm_cvtsi32_si128((int)count));
}
FWX_INLINE fwx_u64x2 fwx_shr64(fwx_u64x2 a, uint32_t count) {
    return (fwx_u64x2)_mm_srl_epi64((__m128i)a, _mm_cvtsi32_si128((int)count));
}
#else
FWX_INLINE fwx_u32x4 fwx_shl32(fwx_u32x4 a, uint32_t count) { return count < 32 ? a << count : (fwx_u32x4)0; }
FWX_INLINE fwx_u32x4 fwx_shr32(fwx_u32x4 a, uint32_t count) { return count < 32 ? a >> count : (fwx_u32x4)0; }
FWX_INLINE fwx_u64x2 fwx_shl64(fwx_u64x2 a, uint32_t count) { return count < 64 ? a << count : (fwx_u64x2)0; }
FWX_INLINE fwx_u64x2 fwx_shr64(fwx_u64x2 a, uint32_t count) { return count < 64 ? a >> count : (fwx_u64x2)0; }
#endif

#endif
