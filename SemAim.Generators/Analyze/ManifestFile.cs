using System;
using System.Collections.Generic;
using System.Globalization;
using SemAim.Generators.Collections;

namespace SemAim.Generators.Analyze;

/// <summary>A tensor of a checkpoint's manifest.</summary>
public sealed record ManifestTensor(string Key, EquatableArray<long> Shape);

/// <summary>What <c>semaim ckpt-inspect --manifest</c> writes: a JSON list of objects with key, shape and dtype. An additional file of a project, so hostile until read: size, depth and numbers are bounded.</summary>
/// <param name="Name">name of the variant: the file's name before <c>.manifest.json</c></param>
/// <param name="Tensors">in order</param>
public sealed record ManifestFile(string Name, EquatableArray<ManifestTensor> Tensors)
{
    /// <summary>How such a file is called.</summary>
    public const string Extension = ".manifest.json";

    private const int LongestText = 1 << 24, MostAxes = 8;

    /// <summary>The manifest, or null where the text is none.</summary>
    public static ManifestFile? Parse(string path, string text)
    {
        if (!path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) || text.Length > LongestText) return null;
        var start = Math.Max(path.LastIndexOf('/'), path.LastIndexOf('\\')) + 1;
        var reader = new Reader(text);
        return reader.Tensors() is { } tensors ? new(path.Substring(start, path.Length - start - Extension.Length), tensors.ToEquatable()) : null;
    }

    private sealed class Reader(string text)
    {
        private int at;

        internal List<ManifestTensor>? Tensors()
        {
            var tensors = new List<ManifestTensor>();
            if (!Take('[')) return null;
            if (Take(']')) return End() ? tensors : null;
            do
            {
                if (Tensor() is not { } tensor) return null;
                tensors.Add(tensor);
            }
            while (Take(','));
            return Take(']') && End() ? tensors : null;
        }

        private ManifestTensor? Tensor()
        {
            string? key = null;
            List<long>? shape = null;
            if (!Take('{')) return null;
            do
            {
                if (Text() is not { } name || !Take(':')) return null;
                if (name == "shape") { if ((shape = Axes()) is null) return null; }
                else if (Text() is not { } value) return null;
                else if (name == "key") key = value;
            }
            while (Take(','));
            return Take('}') && key is not null && shape is not null ? new(key, shape.ToEquatable()) : null;
        }

        private List<long>? Axes()
        {
            var axes = new List<long>();
            if (!Take('[')) return null;
            if (Take(']')) return axes;
            do
            {
                Blanks();
                var start = at;
                while (at < text.Length && text[at] is >= '0' and <= '9') at++;
                if (axes.Count == MostAxes || !long.TryParse(text.Substring(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var axis)) return null;
                axes.Add(axis);
            }
            while (Take(','));
            return Take(']') ? axes : null;
        }

        // keys and types have nothing that needs an escape; a text with one is refused
        private string? Text()
        {
            if (!Take('"')) return null;
            var start = at;
            while (at < text.Length && text[at] is not ('"' or '\\' or < ' ')) at++;
            return at < text.Length && text[at] == '"' ? text.Substring(start, at++ - start) : null;
        }

        private void Blanks()
        {
            while (at < text.Length && text[at] is (' ' or '\t' or '\r' or '\n')) at++;
        }

        private bool Take(char wanted)
        {
            Blanks();
            if (at >= text.Length || text[at] != wanted) return false;
            at++;
            return true;
        }

        private bool End()
        {
            Blanks();
            return at == text.Length;
        }
    }
}
