using System.Runtime.InteropServices;

using SemAim.Runtime.Data;

namespace SemAim.Runtime.Native;

/// <summary>
/// libjpeg-turbo's TurboJPEG C API. Version 2.x is enough; tj3SetCroppingRegion (3.x) is probed and used when present.
/// One instance per worker thread; the error text of 2.x is thread-local, so read it on the calling thread.
/// </summary>
internal sealed unsafe class TurboJpeg : IDisposable
{
    private const int PixelFormatRgbx = 2;      // TJPF_RGBX
    private const int FlagLimitScans = 32768;   // TJFLAG_LIMITSCANS: refuse more than 500 progressive scans
    private const int InitDecompress = 1;       // TJINIT_DECOMPRESS
    private const int ParamSubsampling = 4, ParamWidth = 5, ParamHeight = 6, ParamColorSpace = 8, ParamScanLimit = 13;
    private const int ColorSpaceCmyk = 3, ColorSpaceYcck = 4;

    // libjpeg's recoverable messages (JWRN_*) that can reach us.
    private static readonly string[] s_warnings =
        ["Corrupt JPEG data", "Inconsistent progression sequence", "Unknown Adobe color transform", "Warning: unknown JFIF", "Invalid SOS parameters"];

    private static readonly Api s_api = Api.Load(Environment.GetEnvironmentVariable("SEMAIM_TURBOJPEG"));
    private nint _handle;

    /// <summary>False when the library is missing: decode with Skia, at half the speed, and say so once.</summary>
    public static bool IsAvailable => s_api.Decompress2 != null;

    public static bool HasRegionDecode => s_api.SetCroppingRegion != null;

    public TurboJpeg()
    {
        if (!IsAvailable) throw new DllNotFoundException("libturbojpeg was not found");
        Create();
    }

    private void Create()
    {
        _handle = HasRegionDecode ? s_api.Init3(InitDecompress) : s_api.InitDecompress();
        if (_handle == 0) throw new InvalidOperationException("libturbojpeg could not create a decompressor");
        if (HasRegionDecode) s_api.Set(_handle, ParamScanLimit, 500);
    }

    private void Recreate()
    {
        s_api.Destroy(_handle);
        Create();
    }

    /// <summary>
    /// False: a valid JPEG that TurboJPEG cannot turn into RGB (CMYK, YCCK; in 2.x also rare subsamplings). Throws for a bad one.
    /// </summary>
    public bool TryReadHeader(ReadOnlySpan<byte> file, out JpegHeader header)
    {
        int width = 0, height = 0, subsampling = 0, colorSpace = 0, result;
        fixed (byte* p = file)
        {
            if (HasRegionDecode)
            {
                result = s_api.Header3(_handle, p, (nuint)file.Length);
                width = s_api.Get(_handle, ParamWidth);
                height = s_api.Get(_handle, ParamHeight);
                subsampling = s_api.Get(_handle, ParamSubsampling);
                colorSpace = s_api.Get(_handle, ParamColorSpace);
            }
            else
            {
                result = s_api.Header2(_handle, p, new CULong((nuint)file.Length), &width, &height, &subsampling, &colorSpace);
            }
        }
        header = new JpegHeader(width, height, subsampling);
        if (result == 0) return colorSpace is not (ColorSpaceCmyk or ColorSpaceYcck);
        var error = Fatal(Message);
        return error.Message.Contains("Could not determine subsampling", StringComparison.Ordinal) ? false : throw error;
    }

    /// <summary>Decodes the whole image to RGBX rows of width * 4 bytes.</summary>
    public void Decode(ReadOnlySpan<byte> file, in JpegHeader header, byte* target)
    {
        fixed (byte* p = file)
        {
            int result;
            if (HasRegionDecode)
            {
                s_api.SetCroppingRegion(_handle, default);
                result = s_api.Decompress3(_handle, p, (nuint)file.Length, target, header.Width * 4, PixelFormatRgbx);
            }
            else
            {
                result = s_api.Decompress2(_handle, p, new CULong((nuint)file.Length), target,
                    header.Width, header.Width * 4, header.Height, PixelFormatRgbx, FlagLimitScans);
            }
            if (result != 0) OnFailure(file);
        }
    }

    /// <summary>
    /// Decodes the rows of the box and, with one MCU of margin on either side, its columns; the pixels of the box equal those
    /// of a whole decode. Returns false when a whole decode is needed. The caller must have checked that the file ends properly:
    /// decoding stops after the last row of the box and would not notice.
    /// </summary>
    public bool TryDecodeRegion(ReadOnlySpan<byte> file, in JpegHeader header, Box box, byte* target, out Box decoded)
    {
        decoded = default;
        // Tested equal for 4:4:4, 4:2:2, 4:2:0 and grey, baseline and progressive.
        int mcu = header.Subsampling switch { 0 or 3 => 8, 1 or 2 => 16, _ => 0 };
        if (!HasRegionDecode || mcu == 0) return false;
        int left = Math.Max(0, (box.X / mcu - 1) * mcu), right = Math.Min(header.Width, box.X + box.Width + mcu);
        var region = new Region { X = left, Y = box.Y, Width = right - left, Height = box.Height };
        fixed (byte* p = file)
        {
            if (s_api.Header3(_handle, p, (nuint)file.Length) != 0) throw Fatal(Message);
            if (s_api.SetCroppingRegion(_handle, region) != 0) return false;
            if (s_api.Decompress3(_handle, p, (nuint)file.Length, target, region.Width * 4, PixelFormatRgbx) != 0)
            {
                // Damaged: let a whole decode decide, so that fewer outcomes depend on the crop.
                Recreate();
                TryReadHeader(file, out _);
                return false;
            }
        }
        decoded = new Box(region.X, region.Y, region.Width, region.Height);
        return true;
    }

    public void Dispose() => s_api.Destroy(_handle);

    private string Message => Marshal.PtrToStringUTF8(HasRegionDecode ? s_api.ErrorText3(_handle) : s_api.ErrorText2(_handle)) ?? "";

    // Like Pillow: damaged data with a proper end decodes, a file that ends early does not. The error code is no help: it says
    // "warning" for a fatal error that follows a warning. The text is the fatal error's, or else the first warning's, so a
    // damaged and truncated file is recognised by the missing end marker.
    private void OnFailure(ReadOnlySpan<byte> file)
    {
        string message = Message;
        if (message.StartsWith("Premature end", StringComparison.Ordinal) || !HasEndMarker(file)) throw Fatal("truncated JPEG: " + message);
        if (!s_warnings.Any(w => message.StartsWith(w, StringComparison.Ordinal))) throw Fatal(message);
    }

    // After a fatal error in the header 2.1 stays inside it, and the next good file reads as 0x0: start afresh.
    private ImageDecodeException Fatal(string message)
    {
        Recreate();
        return new ImageDecodeException(message);
    }

    /// <summary>
    /// True when an end-of-image marker follows the first scan. Inside entropy-coded data FF is always followed by 00, so the
    /// marker cannot occur there; thumbnails lie before the scan. For a whole file this looks at its last bytes only.
    /// </summary>
    public static bool HasEndMarker(ReadOnlySpan<byte> file)
    {
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA)
            at += file[at + 1] == 0xFF ? 1 : 2 + (file[at + 2] << 8 | file[at + 3]);
        return at < file.Length && file[at..].LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) >= 0;
    }

    /// <summary>True when the frame header names arithmetic coding (SOF9 and above), or where there is none before the first scan.</summary>
    internal static bool IsArithmetic(ReadOnlySpan<byte> file)
    {
        int at = 2;
        while (at + 4 <= file.Length && file[at] == 0xFF && file[at + 1] != 0xDA)
        {
            if (file[at + 1] is >= 0xC0 and <= 0xC7 and not 0xC4) return false;
            at += file[at + 1] == 0xFF ? 1 : 2 + (file[at + 2] << 8 | file[at + 3]);
        }
        return true;
    }

    private struct Region
    {
        public int X, Y, Width, Height;
    }

    // Function pointers instead of DllImport: the 3.x entry points may be absent, and the file name differs by system.
    private readonly struct Api
    {
        // 2.x, also present in 3.x
        public readonly delegate* unmanaged[Cdecl]<nint> InitDecompress;
        public readonly delegate* unmanaged[Cdecl]<nint, int> Destroy;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, CULong, int*, int*, int*, int*, int> Header2;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int> Decompress2;
        public readonly delegate* unmanaged[Cdecl]<nint, nint> ErrorText2;

        // 3.x
        public readonly delegate* unmanaged[Cdecl]<int, nint> Init3;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint, int> Header3;
        public readonly delegate* unmanaged[Cdecl]<nint, int, int> Get;
        public readonly delegate* unmanaged[Cdecl]<nint, int, int, int> Set;
        public readonly delegate* unmanaged[Cdecl]<nint, Region, int> SetCroppingRegion;
        public readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, int, int, int> Decompress3;
        public readonly delegate* unmanaged[Cdecl]<nint, nint> ErrorText3;

        private Api(nint library)
        {
            InitDecompress = (delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(library, "tjInitDecompress");
            Destroy = (delegate* unmanaged[Cdecl]<nint, int>)NativeLibrary.GetExport(library, "tjDestroy");
            Header2 = (delegate* unmanaged[Cdecl]<nint, byte*, CULong, int*, int*, int*, int*, int>)NativeLibrary.GetExport(library, "tjDecompressHeader3");
            Decompress2 = (delegate* unmanaged[Cdecl]<nint, byte*, CULong, byte*, int, int, int, int, int, int>)NativeLibrary.GetExport(library, "tjDecompress2");
            ErrorText2 = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(library, "tjGetErrorStr2");
            if (!NativeLibrary.TryGetExport(library, "tj3SetCroppingRegion", out nint crop)) return;
            SetCroppingRegion = (delegate* unmanaged[Cdecl]<nint, Region, int>)crop;
            Init3 = (delegate* unmanaged[Cdecl]<int, nint>)NativeLibrary.GetExport(library, "tj3Init");
            Header3 = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, int>)NativeLibrary.GetExport(library, "tj3DecompressHeader");
            Get = (delegate* unmanaged[Cdecl]<nint, int, int>)NativeLibrary.GetExport(library, "tj3Get");
            Set = (delegate* unmanaged[Cdecl]<nint, int, int, int>)NativeLibrary.GetExport(library, "tj3Set");
            Decompress3 = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, int, int, int>)NativeLibrary.GetExport(library, "tj3Decompress8");
            ErrorText3 = (delegate* unmanaged[Cdecl]<nint, nint>)NativeLibrary.GetExport(library, "tj3GetErrorStr");
        }

        public static Api Load(string? path)
        {
            string[] names = path != null ? [path]
                : OperatingSystem.IsWindows() ? ["turbojpeg.dll", "libturbojpeg.dll"]
                : OperatingSystem.IsMacOS() ? ["libturbojpeg.dylib"]
                : ["libturbojpeg.so.0", "libturbojpeg.so"];
            foreach (string name in names)
            {
                if (NativeLibrary.TryLoad(name, typeof(Api).Assembly, null, out nint library)) return new Api(library);
            }
            return default;
        }
    }
}

/// <param name="Subsampling">TJSAMP: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0, 3 = grey, others rare, -1 unknown.</param>
internal readonly record struct JpegHeader(int Width, int Height, int Subsampling);

internal sealed class ImageDecodeException(string message) : Exception(message);
